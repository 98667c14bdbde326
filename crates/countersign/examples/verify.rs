//! Judges one image: `cargo run -p countersign --example verify -- IMAGE POLICY`.

use std::time::SystemTime;

use countersign::{Checker, Image, Verdict, load_policies};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let image = Image::parse(&arguments.next().ok_or("which image?")?)?;
    let policies = load_policies(arguments.next().ok_or("which policy?")?)?;

    let decision = Checker::new(policies).check_blocking(&image, SystemTime::now().into())?;
    match decision.effect() {
        Verdict::Allow => Ok(()),
        verdict => Err(format!("{}: {}", decision.image(), verdict.as_str()).into()),
    }
}
