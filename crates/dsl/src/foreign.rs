//! Words of other programs, and what they are here.

/// Words of Keras, PyTorch, Caffe and TensorFlow without underscores, with the keys, steps and choices that are meant. The
/// first one that can stand in the place is suggested.
const WORDS: [(&[&str], &[&str]); 47] = [
    (
        &["filters", "outchannels", "numoutput", "channels", "units", "features", "outfeatures"],
        &["width"],
    ),
    (&["kernelsize", "ksize", "poolsize", "filtersize", "k"], &["kernel"]),
    (&["activation", "activationfn", "nonlinearity"], &["act"]),
    (&["padding"], &["pad"]),
    (&["strides", "subsample"], &["stride"]),
    (&["batchnorm", "batchnormalization", "normlayer", "normalization", "usebn"], &["norm", "bn"]),
    (&["batchnorm2d"], &["bn"]),
    (&["dilationrate", "atrous"], &["dilation"]),
    (&["usebias", "biasterm"], &["bias"]),
    (&["rate", "prob", "dropprob", "dropoutratio"], &["p"]),
    (&["depthmultiplier", "channelmultiplier"], &["multiplier"]),
    (&["ceilmode"], &["ceil"]),
    (&["numclasses", "nclasses"], &["classes"]),
    (&["group", "numgroups"], &["groups"]),
    (&["conv2d", "convolution", "convolution2d", "separableconv2d"], &["conv"]),
    (&["depthwiseconv2d", "depthwiseconv", "dwconv"], &["depthwise"]),
    (&["dense", "fc", "innerproduct", "fullyconnected"], &["linear"]),
    (&["maxpool2d", "maxpooling", "maxpooling2d"], &["maxpool"]),
    (&["avgpool2d", "averagepool", "averagepooling", "averagepooling2d"], &["avgpool"]),
    (
        &["globalavgpool", "globalaveragepool", "globalaveragepooling2d", "adaptiveavgpool2d"],
        &["gap"],
    ),
    (&["globalmaxpool", "globalmaxpooling2d"], &["gmp"]),
    (&["channelmaxpool", "channelmaximum", "reducemax", "amax"], &["channel_max"]),
    (&["channelavgpool", "channelaveragepool", "channelpool", "reducemean"], &["channel_mean"]),
    (&["localresponsenorm", "localresponsenormalization"], &["lrn"]),
    (&["input", "inputs", "bottom", "source"], &["from"]),
    (&["cat", "concatenate"], &["concat"]),
    (&["sum", "eltwise", "elementwiseadd"], &["add"]),
    (&["skipconnect", "passthrough"], &["identity"]),
    (&["zero", "zeros", "zeroize"], &["none"]),
    (&["swish"], &["silu"]),
    (&["conv2dtranspose", "convtranspose2d", "deconv", "deconvolution"], &["conv_transpose"]),
    (&["upsample", "upsampling2d", "interpolate", "upsamplingbilinear2d"], &["resize"]),
    (&["scalefactor"], &["factor"]),
    (&["pixelshuffle"], &["depth_to_space"]),
    (&["pixelunshuffle"], &["space_to_depth"]),
    (&["zeropad2d", "zeropadding2d", "reflectionpad2d", "replicationpad2d"], &["pad"]),
    (&["hardtanh", "clamp", "clipbyvalue"], &["clip"]),
    (&["stochasticdepth", "droppath", "dropconnect"], &["drop_path"]),
    (&["layerscale", "gamma"], &["scale"]),
    (&["negativeslope"], &["slope"]),
    (&["lppool", "lppool2d"], &["l2pool"]),
    (&["average", "avg"], &["mean"]),
    (&["gn"], &["group_norm"]),
    (&["ln"], &["layer_norm"]),
    (&["in", "instancenorm2d"], &["instance_norm"]),
    (&["epsilon"], &["eps"]),
    (&["identity", "linear", "no"], &["none"]),
];

/// What a word of another program is among the names that are known here.
pub(crate) fn meaning<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| -> String {
        word.to_lowercase().chars().filter(|letter| *letter != '_').collect()
    };
    let word = plain(word);
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(same) = known.iter().find(|known| plain(known) == word) {
        return Some(same);
    }
    let (_, meant) = WORDS.iter().find(|(words, _)| words.contains(&&*word))?;
    meant.iter().find_map(|name| known.iter().copied().find(|known| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_can_stand_in_its_place() {
        let keys = ["kernel", "width", "norm", "act", "pad"];
        let meant = |word| meaning(word, keys);
        assert_eq!(meant("filters"), Some("width"));
        assert_eq!(meant("kernel_size"), Some("kernel"));
        assert_eq!(meant("batch_norm"), Some("norm"));
        assert_eq!(meaning("BatchNorm", ["bn", "conv"]), Some("bn"));
        assert_eq!(meaning("Linear", ["none", "linear"]), Some("linear"));
        assert_eq!(meaning("GroupNorm", ["bn", "group_norm"]), Some("group_norm"));
        assert_eq!(meaning("linear", ["none", "relu"]), Some("none"));
        assert_eq!(meant("strides"), None);
        assert_eq!(meant("widths"), None);
    }

    #[test]
    fn no_word_has_two_meanings() {
        let all: Vec<&str> = WORDS.iter().flat_map(|(words, _)| words.iter().copied()).collect();
        for (at, word) in all.iter().enumerate() {
            assert!(!all[..at].contains(word), "{word}");
        }
    }
}
