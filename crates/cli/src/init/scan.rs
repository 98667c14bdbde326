//! What a rule asks of a scan: of a short list, the first that lets the image pass.

/// What a rule `vulnerabilities` asks, from what nobody regrets to what lets most pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) deny_from: &'static str,
    pub(super) ignore_unfixed: bool,
    /// Whether those who attested VEX may subtract findings.
    pub(super) vex: bool,
}

/// Who is trusted with VEX attested it for this image; what has no fix will get one. `critical` lets what could be mended pass.
const LADDER: [Ask; 8] = [
    ask("high", false, false),
    ask("high", false, true),
    ask("high", true, false),
    ask("high", true, true),
    ask("critical", false, false),
    ask("critical", false, true),
    ask("critical", true, false),
    ask("critical", true, true),
];

const fn ask(deny_from: &'static str, ignore_unfixed: bool, vex: bool) -> Ask {
    Ask {
        deny_from,
        ignore_unfixed,
        vex,
    }
}

/// A rule `vulnerabilities`.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) predicate_type: String,
    /// Which of the Signers attested VEX about the same image, at a proven time.
    pub(super) vex: Vec<usize>,
    /// Why the strictest would not let the image pass, if it would not.
    pub(super) why: Option<String>,
    step: usize,
}

impl Scan {
    pub(super) const fn new(predicate_type: String, vex: Vec<usize>) -> Self {
        Self {
            predicate_type,
            vex,
            why: None,
            step: 0,
        }
    }

    pub(super) const fn ask(&self) -> Ask {
        LADDER[self.step]
    }

    /// Asks for less; false if nothing that looks into the scan would.
    pub(super) fn relax(&mut self, why: &str) -> bool {
        self.why.get_or_insert_with(|| why.to_owned());
        let steps = LADDER.iter().enumerate().skip(self.step + 1);
        let mut open = steps.filter(|(_, ask)| !ask.vex || !self.vex.is_empty());
        let Some((step, _)) = open.next() else {
            return false;
        };
        self.step = step;
        true
    }
}
