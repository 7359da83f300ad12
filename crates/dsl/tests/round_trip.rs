//! A network written as one file is the same network.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Memory, Setting, load, resolve};

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

fn survives(path: &Path, settings: &[Setting]) {
    let shown = format!("{} {settings:?}", path.display());
    let original = load(&Disk, path, settings).unwrap().architecture;
    let text = resolve(&Disk, path, settings).unwrap();
    let alone = Memory::default().with("alone.yaml", text.clone());
    let again = match load(&alone, Path::new("alone.yaml"), &[]) {
        Ok(loaded) => loaded.architecture,
        Err(failure) => panic!("{shown}: {failure}"),
    };
    assert_eq!(
        original.graph.to_parts().nodes.len(),
        again.graph.to_parts().nodes.len(),
        "{shown}"
    );
    let paths = |graph: &inceptive_ir::Graph| -> Vec<String> {
        graph.nodes().map(|(_, node)| node.path.to_string()).collect()
    };
    assert_eq!(paths(&original.graph), paths(&again.graph), "{shown}");
    assert_eq!(original.graph.fingerprint(), again.graph.fingerprint(), "{shown}");
    assert_eq!((&original.name, &original.cite), (&again.name, &again.cite), "{shown}");
    assert_eq!(original.published, again.published, "{shown}");
    assert_eq!(resolve(&alone, Path::new("alone.yaml"), &[]).unwrap(), text, "{shown}");
}

#[test]
fn every_network_and_space() {
    for path in [yaml_files("."), yaml_files("spaces"), yaml_files("small")].concat() {
        survives(&path, &[]);
    }
}

#[test]
fn with_settings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    for (file, settings) in [
        ("googlenet.yaml", &["4a.c3=256", "input.size=192", "4a.c3=300"][..]),
        ("googlenet-bn.yaml", &["tail=fc", "width_multiplier=0.5"]),
        ("inception-v2.yaml", &["4c.pool=64", "3a/1x1/conv.width=60"]),
        ("densenet121.yaml", &["growth=24", "dense3=4"]),
        ("spaces/googlenet-widths.yaml", &["width=0.75", "tail=fc", "classes=10"]),
        ("spaces/module-kinds.yaml", &["kind=separable"]),
    ] {
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        survives(&folder.join(file), &settings);
    }
}
