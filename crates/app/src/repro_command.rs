//! The command that makes a report again.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

use inceptive_dsl::Setting;
use inceptive_ir::text::is_harmful;
use inceptive_store::StoreState;

/// Default number of points of a space that are counted.
pub const DEFAULT_SAMPLES: usize = 2000;

/// Everything that a report depends on, besides the files of networks. Displayed, it is the command that makes the same
/// report from the results stored now, regardless of later measurements.
#[derive(Clone, Debug, Default)]
pub struct ReproCommand {
    /// Files, folders and stores, as the command line takes them.
    pub inputs: Vec<OsString>,
    /// The settings of each network.
    pub settings: Vec<Setting>,
    /// The title, if it is not made from the inputs.
    pub title: Option<String>,
    /// Remarks for the page's warnings.
    pub notes: Vec<String>,
    /// Maximum number of points of a space.
    pub samples: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
    /// The store of results.
    pub store: PathBuf,
    /// The results that were in each store: those among the inputs, in their order, then `store`.
    pub states: Vec<StoreState>,
    /// The folder of the report.
    pub out: PathBuf,
}

impl fmt::Display for ReproCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_option = |input: &OsString| input.as_encoded_bytes().starts_with(b"-");
        let inputs = || self.inputs.iter().cloned();
        let mut words: Vec<OsString> = ["inceptive", "report"].map(OsString::from).to_vec();
        // No argument after `--` is an option.
        let inputs_last = self.inputs.iter().any(is_option);
        if !inputs_last {
            words.extend(inputs());
        }
        self.options(&mut words);
        if inputs_last {
            words.push("--".into());
            words.extend(inputs());
        }
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

impl ReproCommand {
    fn options(&self, words: &mut Vec<OsString>) {
        let mut option = |name: &str, value: &OsStr| {
            // A value that looks like an option has to be joined to its own.
            if value.as_encoded_bytes().starts_with(b"-") {
                let mut word = OsString::from(format!("--{name}="));
                word.push(value);
                words.push(word);
            } else {
                words.extend([OsString::from(format!("--{name}")), value.to_owned()]);
            }
        };
        for Setting { key, value } in &self.settings {
            option("set", format!("{key}={value}").as_ref());
        }
        if let Some(title) = &self.title {
            option("title", title.as_ref());
        }
        self.notes.iter().for_each(|note| option("note", note.as_ref()));
        if self.samples != DEFAULT_SAMPLES {
            option("samples", self.samples.to_string().as_ref());
        }
        if self.seed != 0 {
            option("seed", self.seed.to_string().as_ref());
        }
        option("store", self.store.as_os_str());
        let states: Vec<String> = self.states.iter().map(ToString::to_string).collect();
        option("up-to", states.join(",").as_ref());
        option("out", self.out.as_os_str());
    }
}

/// A word as a shell takes it. Characters that a page or a terminal would not show as they are, and bytes that are no
/// text, are written as bash, zsh and ksh read them: `$'\033'`.
pub fn quoted(word: &OsStr) -> String {
    let is_bare = |c: char| c.is_alphanumeric() || "/._-=+,:@%".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_bare) => text.to_owned(),
        Some(text) if text.chars().all(|c| !is_harmful(c)) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => escaped(word.as_encoded_bytes()),
    }
}

fn escaped(word: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                c if !is_harmful(c) => text.push(c),
                c => escape_bytes(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        escape_bytes(&mut text, chunk.invalid());
    }
    text.push('\'');
    text
}

/// Always three digits: a hexadecimal one that follows would be taken for another.
fn escape_bytes(text: &mut String, bytes: &[u8]) {
    bytes.iter().for_each(|byte| text.push_str(&format!("\\{byte:03o}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        let command = ReproCommand {
            inputs: vec!["a b.yaml".into(), "it's.yaml".into()],
            samples: DEFAULT_SAMPLES,
            store: "r.db".into(),
            states: vec!["7+2@0123456789ab".parse().unwrap()],
            out: "reports/latest".into(),
            ..ReproCommand::default()
        };
        let expected = r"inceptive report 'a b.yaml' 'it'\''s.yaml' --store r.db --up-to 7+2@0123456789ab --out reports/latest";
        assert_eq!(command.to_string(), expected);
    }

    /// A shell splits the command into the original words.
    #[test]
    #[cfg(unix)]
    fn a_shell_reads_every_word_as_it_was() {
        use std::{os::unix::ffi::OsStrExt, process::Command};
        let title = "-a 'b' \\ $HOME `x` \u{1b}[31m\n\u{202e}é1 网络 !";
        let command = ReproCommand {
            inputs: vec!["-x.yaml".into(), "~y.db?engine=a&model=b".into()],
            settings: vec!["a=-1".parse().unwrap()],
            title: Some(title.to_owned()),
            notes: vec![String::new(), "\t".to_owned()],
            samples: 3,
            seed: 9,
            store: OsStr::from_bytes(b"odd \xff7.db").into(),
            states: vec![StoreState::default(), StoreState::default()],
            out: "-out".into(),
        };
        let shown = command.to_string();
        assert!(shown.chars().all(|c| !is_harmful(c)), "{shown}");
        let script = format!("inceptive() {{ printf '%s\\0' \"$@\"; }}; {shown}");
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let words: Vec<&[u8]> = output.stdout.split(|&byte| byte == 0).collect();
        let title = format!("--title={title}");
        let expected: [&[u8]; 20] = [
            b"report",
            b"--set",
            b"a=-1",
            title.as_bytes(),
            b"--note",
            b"",
            b"--note",
            b"\t",
            b"--samples",
            b"3",
            b"--seed",
            b"9",
            b"--store",
            b"odd \xff7.db",
            b"--up-to",
            b"0+0,0+0",
            b"--out=-out",
            b"--",
            b"-x.yaml",
            b"~y.db?engine=a&model=b",
        ];
        assert_eq!(words[..words.len() - 1], expected);
    }
}
