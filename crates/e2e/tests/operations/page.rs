//! The steps of a page.
//!
//! In `console` blocks each `$ …` is a command of a shell, and what follows it is what it prints, in this order, between other lines; `…` stands for
//! any text within a line. `# exit code N` says how it ends (0 if it does not). A `yaml` block below a line that ends in a file's name is that file. `text`
//! blocks are commands that need what no test has.

use countersign_e2e::Output;

pub(crate) enum Step {
    File { name: String, text: String },
    Command(Command),
    NotRun,
}

pub(crate) struct Command {
    pub(crate) line: String,
    printed: Vec<String>,
    code: i32,
}

impl Command {
    /// Whether it may be run again and again. What shall be refused changes nothing, as long as it is refused.
    pub(crate) fn changes_nothing(&self) -> bool {
        self.code != 0
            || self.line.contains("--dry-run=server")
            || self.line.starts_with("kubectl get ")
    }

    /// In what the command did not do what the page says.
    pub(crate) fn differs(&self, said: &Output) -> Option<String> {
        if said.code != Some(self.code) {
            return Some(format!("ended with {:?}, and not {}", said.code, self.code));
        }
        let all = format!("{}{}", said.stdout, said.stderr);
        let mut lines = all.lines();
        self.printed
            .iter()
            .find(|wanted| !lines.any(|line| fits(line, wanted)))
            .map(|wanted| format!("did not print `{wanted}`"))
    }
}

/// Whether a line is what is wanted, of which `…` is any text.
fn fits(line: &str, wanted: &str) -> bool {
    let Some((first, others)) = wanted.split_once('…') else {
        return line == wanted;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = others.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut before = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            if !line.is_empty() {
                before = line;
            }
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "console" => block.iter().for_each(|line| console(&mut steps, line)),
            "yaml" => {
                let name = before
                    .strip_suffix("`:")
                    .and_then(|it| it.rsplit('`').next());
                let name = name.unwrap_or_else(|| panic!("no name of a file above: {before}"));
                steps.push(Step::File {
                    name: name.to_owned(),
                    text: block.join("\n"),
                });
            }
            "text" => steps.push(Step::NotRun),
            other => panic!("a block of the kind `{other}`"),
        }
    }
    steps
}

fn console(steps: &mut Vec<Step>, line: &str) {
    if let Some(line) = line.strip_prefix("$ ") {
        let (line, code) = match line.split_once(" # exit code ") {
            Some((line, code)) => (line, code.parse().unwrap()),
            None => (line, 0),
        };
        steps.push(Step::Command(Command {
            line: line.to_owned(),
            printed: Vec::new(),
            code,
        }));
        return;
    }
    match steps.last_mut() {
        Some(Step::Command(command)) => command.printed.push(line.to_owned()),
        _ => panic!("`{line}` is printed by no command"),
    }
}

#[test]
fn a_line_fits_with_any_text_between() {
    for (line, wanted, fit) in [
        ("a b c", "a b c", true),
        ("a b c", "a b", false),
        ("a b c", "a…c", true),
        ("a b c", "a…", true),
        ("a b c", "…b…", true),
        ("a b c", "…b", false),
        ("a b c", "b…", false),
        ("a b c", "a…d…", false),
    ] {
        assert_eq!(fits(line, wanted), fit, "{line} / {wanted}");
    }
}

#[test]
fn what_a_command_does_otherwise_is_seen() {
    let page = "x `a.yaml`:\n\n```yaml\nk: v\n```\n```console\n$ one # exit code 1\nsaid…\n$ two\n```\n```text\nno\n```\n";
    let steps = steps(page);
    assert!(matches!(&steps[0], Step::File { name, text } if name == "a.yaml" && text == "k: v"));
    let Step::Command(one) = &steps[1] else {
        panic!()
    };
    let said = |code, stdout: &str| Output {
        code: Some(code),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    assert_eq!(one.differs(&said(1, "other\nsaid so\n")), None);
    assert!(
        one.differs(&said(0, "said so\n"))
            .unwrap()
            .contains("ended with")
    );
    assert!(
        one.differs(&said(1, "other\n"))
            .unwrap()
            .contains("did not print")
    );
    assert!(matches!(&steps[2], Step::Command(two) if two.line == "two" && two.code == 0));
    assert!(matches!(&steps[3], Step::NotRun));
}
