//! The formats of reports: each as a golden file, each with hostile names, and several at once.
#![cfg(unix)]

use insta::assert_snapshot;
use serde_json::Value;

use crate::manifests::{Ended, Scene, pod};
use crate::world::AT;

const FORMATS: [&str; 6] = ["text", "json", "sarif", "junit", "markdown", "github"];

/// A file, an object and a namespace that try to be something else in every format.
const HOSTILE_FILE: &str = "a,b:c%0A\n::error::x\u{202e}\u{1b}[2J<b>&'\".yaml";
const HOSTILE_NAME: &str = "\\n::error::| x\\e[31m<img src=x onerror=y> @everyone [l](http://x.example) `c` ]]> \\u202e $x$ ##[error]";

/// An allowed image, a denied one in two places, one that no registry has, and one that no policy names.
fn scene() -> Scene {
    let scene = Scene::new();
    let mut text = pod("shop", "HOST/app:good");
    for image in [
        "HOST/app:bad",
        "HOST/app:bad",
        "HOST/app:absent",
        "registry.example/else:v1",
    ] {
        text.push_str("---\n");
        text.push_str(&pod("shop", image));
    }
    scene.write("deploy/web.yaml", &text);
    scene
}

fn verify(scene: &Scene, file: &str, format: &str) -> Ended {
    scene.verify(&["-f", file, "--at", AT, "--format", format])
}

/// What differs from run to run is taken out: the key of the policy is made anew.
fn stable(text: &str) -> String {
    let Ok(mut report) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    if let Some(images) = report.pointer_mut("/report/images") {
        for image in images.as_array_mut().unwrap() {
            for field in ["policyDigest", "trustFingerprint", "policies", "evidence"] {
                image[field] = "…".into();
            }
        }
    }
    serde_json::to_string_pretty(&report).unwrap() + "\n"
}

#[test]
fn every_format_says_the_same() {
    let scene = scene();
    for format in FORMATS {
        let ended = verify(&scene, "deploy", format);
        assert_eq!(ended.code, 1, "{format}: {}", ended.stderr);
        assert_snapshot!(format!("format-{format}"), stable(&ended.stdout));
    }
}

#[test]
fn hostile_names_are_text_in_every_format() {
    let scene = scene();
    let text = pod("shop", "HOST/app:bad").replace("name: p", &format!("name: \"{HOSTILE_NAME}\""));
    scene.write(HOSTILE_FILE, &text);
    for format in FORMATS {
        let demanding = ["--at", AT, "--require-digest", "--format", format];
        let ended = scene.verify(&[&["-f", HOSTILE_FILE], &demanding[..]].concat());
        assert_eq!(ended.code, 1, "{format}: {}", ended.stderr);
        let out = &ended.stdout;
        assert_snapshot!(format!("hostile-{format}"), stable(out));
        for character in ['\u{1b}', '\u{202e}', '\r'] {
            assert!(!out.contains(character), "{format}: {out}");
        }
        match format {
            "github" => {
                let commands = out.lines().filter(|line| line.starts_with("::")).count();
                assert_eq!(commands, 2, "{out}");
                let head = out.split("::").nth(1).unwrap();
                // Four properties, however many commas and colons the file's name has.
                assert_eq!(head.matches(',').count(), 3, "{head}");
                assert_eq!(head.matches(':').count(), 0, "{head}");
            }
            "junit" => {
                let texts = out.matches("<img").count() + out.matches("<b>").count();
                assert_eq!(texts, 0, "{out}");
                assert!(!out.contains("]]>"), "{out}");
            }
            "markdown" => {
                for live in ["<img", "<b>", "@everyone", "](http", "`", "$x$", "##["] {
                    assert!(!out.contains(live), "{live}: {out}");
                }
                for row in out.lines().filter(|line| line.starts_with("| **")) {
                    assert_eq!(row.matches('|').count(), 6, "{row}");
                }
            }
            "sarif" => {
                let log: Value = serde_json::from_str(out).unwrap();
                let text = &log["runs"][0]["results"][0]["message"]["text"];
                assert!(!text.as_str().unwrap().contains("]("), "{text}");
            }
            _ => {}
        }
    }
}

#[test]
fn typed_images_are_reported_at_the_policy() {
    let scene = scene();
    let image = scene.world.image(":bad");
    let digest = scene.world.image(":good");
    for format in ["sarif", "junit", "markdown", "github"] {
        let ended = scene.verify(&[
            &image,
            &digest,
            "--plain-http",
            "--at",
            AT,
            "--format",
            format,
        ]);
        assert_eq!(ended.code, 1, "{format}: {}", ended.stderr);
        assert!(
            ended.stdout.replace("&#46;", ".").contains("policy.yaml"),
            "{format}: {}",
            ended.stdout
        );
        assert!(
            ended.stdout.contains("no-evidence"),
            "{format}: {}",
            ended.stdout
        );
    }
}

#[test]
fn reports_are_written_to_files_and_an_unwritten_one_is_no_allow() {
    let scene = scene();
    scene.write("good.yaml", &pod("shop", "HOST/app:good"));
    let run = |more: &[&str]| scene.verify(&[&["-f", "good.yaml", "--at", AT], more].concat());
    let ended = run(&[
        "--report",
        "sarif=out.sarif",
        "--report",
        "junit=out.xml",
        "--report",
        "text=out.txt",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let log: Value = serde_json::from_str(&scene.read("out.sarif")).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(
        scene
            .read("out.xml")
            .contains("tests=\"1\" failures=\"0\" errors=\"0\"")
    );
    let text = scene.read("out.txt");
    assert!(
        text.starts_with("ALLOWED") && !text.contains('\u{1b}'),
        "{text}"
    );
    let ended = run(&["--report", "json=nowhere/out.json"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("nowhere/out.json: cannot be written"),
        "{}",
        ended.stderr
    );
    for wrong in ["xml=a", "sarif", "sarif="] {
        assert_eq!(run(&["--report", wrong]).code, 3, "{wrong}");
    }
}

/// The record within the report can be replayed: what is judged of manifests is judged as everything else.
#[test]
fn the_report_of_manifests_holds_a_record() {
    let scene = scene();
    let ended = verify(&scene, "deploy", "json");
    let record = ended.json()["report"].clone();
    assert_eq!(record["apiVersion"], "countersign.dev/report/v1alpha1");
    assert_eq!(record["images"].as_array().unwrap().len(), 4);
}

/// What SARIF 2.1.0 demands of each object that we write, and what it may have (OASIS Standard, section 3).
#[test]
fn sarif_is_what_the_standard_says() {
    let scene = scene();
    scene.write(HOSTILE_FILE, &pod("shop", "HOST/app:bad"));
    for file in ["deploy", HOSTILE_FILE] {
        let log: Value = serde_json::from_str(&verify(&scene, file, "sarif").stdout).unwrap();
        object(&log, &["version", "runs"], &["$schema"]);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        object(run, &["tool"], &["results", "columnKind"]);
        assert!(
            ["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap())
        );
        let driver = &run["tool"]["driver"];
        object(
            driver,
            &["name"],
            &["semanticVersion", "informationUri", "rules"],
        );
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            object(
                rule,
                &["id"],
                &["shortDescription", "help", "helpUri", "properties"],
            );
            for message in ["shortDescription", "help"] {
                object(&rule[message], &["text"], &[]);
            }
        }
        let results = run["results"].as_array().unwrap();
        assert!(!results.is_empty());
        for result in results {
            let may = [
                "ruleId",
                "ruleIndex",
                "level",
                "locations",
                "relatedLocations",
                "partialFingerprints",
            ];
            object(result, &["message"], &may);
            assert!(
                ["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap())
            );
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            let related = result["relatedLocations"].as_array().into_iter().flatten();
            for location in result["locations"]
                .as_array()
                .unwrap()
                .iter()
                .chain(related)
            {
                object(
                    location,
                    &[],
                    &["physicalLocation", "logicalLocations", "id", "message"],
                );
                let physical = &location["physicalLocation"];
                object(physical, &["artifactLocation", "region"], &[]);
                object(&physical["artifactLocation"], &["uri"], &["uriBaseId"]);
                let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
                let is_reference = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
                assert!(uri.chars().all(is_reference), "{uri}");
                object(&physical["region"], &["startLine", "startColumn"], &[]);
                assert!(physical["region"]["startLine"].as_u64().unwrap() >= 1);
            }
        }
    }
}

/// An object with all of `must` and nothing but them and `may`.
fn object(value: &Value, must: &[&str], may: &[&str]) {
    let fields = value.as_object().unwrap();
    for name in must {
        assert!(fields.contains_key(*name), "{name}: {value}");
    }
    for name in fields.keys() {
        assert!(
            must.contains(&name.as_str()) || may.contains(&name.as_str()),
            "{name}: {value}"
        );
    }
}
