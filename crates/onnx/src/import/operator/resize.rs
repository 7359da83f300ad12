//! Changes of height and width.

use inceptive_ir::{Interpolation, Op, Resize, ResizeTo, Shape, Size};

use crate::{
    import::{
        attribute::{find, flag, int, unsigned},
        error::{UnsupportedOp, unread},
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

use super::join::axis;

/// The first version of the operator set in which `Resize` says where the centres of pixels are.
const WITH_TRANSFORMATION: i64 = 11;

/// Maximum number of rows or columns whose nearest ones are compared.
const LONGEST: u32 = 1 << 14;

/// Factors from here on are refused.
const MOST_TIMES: f64 = 1e6;

/// Rows or columns before and after, and the factor that the file gives for them.
#[derive(Clone, Copy)]
struct Stretch {
    from: u32,
    to: u32,
    factor: f64,
}

impl Importer {
    pub(super) fn resize(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (source, layout) = self.operand(node, 0)?;
        let Shape::Map { size: from, .. } = self.drafts[source].shape else {
            return Err(UnsupportedOp::because("of a vector"));
        };
        if layout != self.layout(source) {
            return Err(UnsupportedOp::because("of a map in another order of dimensions"));
        }
        let [rows, columns] = self.stretches(node, from)?;
        if [rows, columns].iter().all(|stretch| stretch.from == stretch.to) {
            return Ok(Value::Node(source));
        }
        let mode = self.interpolation(node, [rows, columns])?;
        let (height, width) = (rows.to, columns.to);
        let is_whole = height.is_multiple_of(from.height) && width.is_multiple_of(from.width);
        let to = match is_whole {
            true => ResizeTo::Factor(Size::new(height / from.height, width / from.width)),
            false => ResizeTo::Size(Size::new(height, width)),
        };
        self.push(node, Op::Resize(Resize { to, mode }), vec![source], vec![])
    }

    /// How the rows and the columns change.
    fn stretches(&self, node: &NodeProto, from: Size) -> Result<[Stretch; 2], UnsupportedOp> {
        let is_new = node.op_type == "Resize" && self.opset >= WITH_TRANSFORMATION;
        let from_attribute = find(node, "scales").map(|scales| scales.floats.clone());
        let scales = match from_attribute {
            Some(scales) => Some(scales),
            None => {
                let scales = self.optional_constant(node, if is_new { 2 } else { 1 })?;
                let scales = scales.filter(|scales| scales.len() > 0);
                scales.map(|scales| scales.floats().ok_or_else(unread)).transpose()?
            }
        };
        let sizes = if is_new { self.ints(node, "sizes", 3)? } else { None };
        if let Some(policy) = find(node, "keep_aspect_ratio_policy")
            && policy.s != b"stretch"[..]
        {
            return Err(UnsupportedOp::because("that keeps the aspect ratio"));
        }
        let axes = match find(node, "axes") {
            None => vec![0, 1, 2, 3],
            Some(axes) => axes.ints.iter().map(|&at| axis(at, 4)).collect::<Result<_, _>>()?,
        };
        let mut stretches =
            [from.height, from.width].map(|from| Stretch { from, to: from, factor: 1.0 });
        let is_absent = scales.is_none() && sizes.is_none();
        let given = scales.as_ref().map(Vec::len).or(sizes.as_ref().map(Vec::len));
        if is_absent || given != Some(axes.len()) {
            return Err(UnsupportedOp::because("to a size that is not known"));
        }
        for (position, at) in axes.into_iter().enumerate() {
            let size = sizes.as_ref().map(|sizes| sizes[position]);
            let factor = scales.as_ref().map(|scales| f64::from(scales[position]));
            let Some(index) = at.checked_sub(2) else {
                // The batch and the channels stay: their sizes are not looked at where factors say so.
                if factor.is_some_and(|factor| factor != 1.0) {
                    return Err(UnsupportedOp::because("of the channels"));
                }
                continue;
            };
            let from = stretches[index].from;
            stretches[index] = match (size, factor) {
                (Some(to), _) => {
                    let to = unsigned(to)?;
                    Stretch { from, to, factor: f64::from(to) / f64::from(from) }
                }
                (None, Some(factor)) if factor >= MOST_TIMES => {
                    return Err(UnsupportedOp::because(&format!(
                        "by a factor of {MOST_TIMES} or more"
                    )));
                }
                (None, Some(factor)) if factor > 0.0 => {
                    // In single precision, as runtimes compute it.
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        clippy::cast_precision_loss,
                        reason = "sizes are far below 2^24"
                    )]
                    let to = (from as f32 * factor as f32).floor() as u32;
                    Stretch { from, to, factor }
                }
                _ => return Err(UnsupportedOp::because("by a factor that is no positive number")),
            };
            if stretches[index].to == 0 {
                return Err(UnsupportedOp::because("to nothing"));
            }
        }
        Ok(stretches)
    }

    /// The interpolation that gives the same values.
    fn interpolation(
        &self,
        node: &NodeProto,
        stretches: [Stretch; 2],
    ) -> Result<Interpolation, UnsupportedOp> {
        let text = |key: &str, default: &'static str| {
            let value = find(node, key).map(|value| String::from_utf8_lossy(&value.s).into_owned());
            value.unwrap_or_else(|| default.to_owned())
        };
        let mode = text("mode", "nearest");
        let is_old = node.op_type == "Upsample" || self.opset < WITH_TRANSFORMATION;
        let place = match is_old {
            true => "asymmetric".to_owned(),
            false => text("coordinate_transformation_mode", "half_pixel"),
        };
        let rounding = match is_old {
            true => "floor".to_owned(),
            false => text("nearest_mode", "round_prefer_floor"),
        };
        if flag(node, "antialias", false)? && stretches.iter().any(|it| it.to < it.from) {
            return Err(UnsupportedOp::because("with antialias"));
        }
        if int(node, "exclude_outside").unwrap_or(0) != 0 {
            return Err(UnsupportedOp::because("with exclude_outside"));
        }
        match mode.as_str() {
            "nearest" if stretches.iter().all(|it| it.is_nearest(&place, &rounding)) => {
                Ok(Interpolation::Nearest)
            }
            "nearest" => Err(UnsupportedOp::because(&format!(
                "to the nearest pixels by {place} and {rounding}, which are others than those of floor(i * from / to)"
            ))),
            "linear" | "bilinear" => linear(&place, stretches),
            other => Err(UnsupportedOp::because(&format!("with mode {other}"))),
        }
    }
}

fn linear(place: &str, stretches: [Stretch; 2]) -> Result<Interpolation, UnsupportedOp> {
    let is_exact = stretches.iter().all(Stretch::is_exact);
    let is_single = stretches.iter().any(|it| it.to == 1 && it.from > 1);
    match place {
        "half_pixel" if is_exact => Ok(Interpolation::Bilinear),
        "pytorch_half_pixel" if is_exact && !is_single => Ok(Interpolation::Bilinear),
        "align_corners" if !is_single => Ok(Interpolation::BilinearCorners),
        // From one pixel, every place is the same.
        _ if stretches.iter().all(|it| it.from == 1) => Ok(Interpolation::Bilinear),
        _ => Err(UnsupportedOp::because(&format!("with linear interpolation by {place}"))),
    }
}

impl Stretch {
    /// Whether the file's factor is that of the sizes.
    fn is_exact(&self) -> bool {
        let exact = f64::from(self.to) / f64::from(self.from);
        (self.factor - exact).abs() * f64::from(self.from) < 1e-3
    }

    /// Whether the nearest pixel of every place is the one of `floor(i * from / to)`.
    fn is_nearest(&self, place: &str, rounding: &str) -> bool {
        let Self { from, to, factor } = *self;
        if to > LONGEST {
            return false;
        }
        let (length, last) = (f64::from(to), f64::from(from) - 1.0);
        (0..to).all(|index| {
            let at = f64::from(index);
            let original = match place {
                "half_pixel" => (at + 0.5) / factor - 0.5,
                "pytorch_half_pixel" if to == 1 => 0.0,
                "pytorch_half_pixel" => (at + 0.5) / factor - 0.5,
                "asymmetric" => at / factor,
                "align_corners" if to == 1 => 0.0,
                "align_corners" => at * last / (length - 1.0),
                "tf_half_pixel_for_nn" => (at + 0.5) / factor,
                _ => return false,
            };
            let nearest = match rounding {
                "floor" => original.floor(),
                "ceil" => original.ceil(),
                "round_prefer_floor" => (original - 0.5).ceil(),
                "round_prefer_ceil" => (original + 0.5).floor(),
                _ => return false,
            };
            let expected = u64::from(index) * u64::from(from) / u64::from(to);
            #[expect(clippy::cast_precision_loss, reason = "a size below 2^32")]
            let expected = expected as f64;
            nearest.clamp(0.0, last) == expected
        })
    }
}
