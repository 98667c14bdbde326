//! What goes wrong in a pipeline (`docs/exit-codes.md`, its last table): `verify -f`, `pin` and `lock` end with the documented code and say the documented
//! words once, without a trace of the program.

use std::net::TcpListener;

use countersign_testkit::registry::{self as testkit, Builder, Registry};

use crate::manifests::{Ended, Scene, pod};
use crate::run::{ROOT, command};
use crate::world::World;

const COMMANDS: [&[&str]; 3] = [&["verify"], &["pin", "--write"], &["lock"]];

/// A row of the table: what is wrong, the code, and what is said.
struct Row {
    what: String,
    code: i32,
    said: Vec<String>,
}

fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/exit-codes.md")).unwrap();
    let (_, table) = page
        .split_once("| what is wrong | code | said |\n")
        .unwrap();
    let lines = table.lines().skip(1).take_while(|it| it.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [what, code, said] = cells[..] else {
                panic!("{line}")
            };
            let said = said.split('`').skip(1).step_by(2).map(str::to_owned);
            Row {
                what: what.to_owned(),
                code: code.parse().unwrap(),
                said: said.collect(),
            }
        })
        .collect()
}

/// The files of a run, and the fault in one of them.
struct Fault {
    scene: Scene,
    file: &'static str,
    policy: &'static str,
}

impl Fault {
    /// A good manifest about an image that a good policy allows, in a registry of this kind.
    fn none(registry: Builder) -> Self {
        let scene = Scene {
            world: World::new(registry.start()),
        };
        let host = scene.world.registry.host();
        scene.signed("good");
        scene.write("x.yaml", &pod("shop", "HOST/app:good"));
        let fault = Self {
            scene,
            file: "x.yaml",
            policy: "policy.yaml",
        };
        fault.registries(&host);
        fault
    }

    fn registries(&self, host: &str) {
        let entry = format!("{{host: \"{host}\", plainHttp: true, addresses: [loopback]}}");
        let head = "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n  registries:\n";
        self.scene
            .write("registries.yaml", &format!("{head}    - {entry}\n"));
    }

    fn of(what: &str) -> Self {
        let mut fault = match what {
            "a registry that wants a login" => Self::none(Registry::builder().basic("ci", "p")),
            _ => Self::none(Registry::builder()),
        };
        let scene = &fault.scene;
        match what {
            "a wrong policy" => {
                let policy = scene.read("policy.yaml");
                scene.write(
                    "policy.yaml",
                    &policy.replace("[mine, person]", "[mine, persona]"),
                );
            }
            "no policy" => fault.policy = "absent.yaml",
            "a missing file" => fault.file = "absent.yaml",
            "an empty manifest" => scene.write("x.yaml", "---\n# all of it is gone\n"),
            "a manifest with a syntax error" => scene.write("x.yaml", "a: [\n"),
            "an unreachable registry" => {
                // Nobody listens there any more.
                let free = TcpListener::bind("127.0.0.1:0").unwrap();
                let host = free.local_addr().unwrap().to_string();
                scene.write("x.yaml", &pod("shop", &format!("{host}/app:good")));
                fault.registries(&host);
            }
            "a registry that wants a login" => {}
            "a registry without permission" => {
                let registry = &scene.world.registry;
                registry.fault(|_| true, testkit::Fault::Status(403));
            }
            other => panic!("the table has a row that nobody makes: {other}"),
        }
        fault
    }

    fn run(&self, words: &[&str]) -> Ended {
        let (name, more) = words.split_first().unwrap();
        let arguments = [
            &[*name, "-f", self.file, "--policy", self.policy],
            &["--trust-root", "forged=forged.json"][..],
            &["--registries", "registries.yaml"],
            more,
        ]
        .concat();
        let mut command = command(&arguments);
        command
            .current_dir(self.scene.world.path(""))
            .env("DOCKER_CONFIG", self.scene.world.path(""))
            .env("RUST_BACKTRACE", "full");
        Ended::new(command.output().unwrap(), &self.scene.world.registry.host())
    }
}

#[test]
fn each_fault_has_its_code_and_one_message() {
    let rows = rows();
    assert_eq!(rows.len(), 8);
    for Row { what, code, said } in rows {
        assert!(!said.is_empty(), "{what}: nothing is said to be said");
        let fault = Fault::of(&what);
        let before = fault.scene.read("x.yaml");
        for command in COMMANDS {
            let ended = fault.run(command);
            let all = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, code, "{what}: {command:?}: {all}");
            for part in &said {
                let times = all.matches(part.as_str()).count();
                assert_eq!(times, 1, "{what}: {command:?}: {part}: {all}");
            }
            for trace in ["panicked", "stack backtrace", "RUST_BACKTRACE", ".rs:"] {
                assert!(!all.contains(trace), "{what}: {command:?}: {all}");
            }
            assert!(all.lines().count() <= 12, "{what}: {command:?}: {all}");
            if code == 3 {
                // A message and no result; nobody was asked.
                assert_eq!(ended.stdout, "", "{what}: {command:?}");
                assert!(ended.stderr.contains("error"), "{}", ended.stderr);
                assert!(fault.scene.world.registry.requests().is_empty());
            }
            assert_eq!(fault.scene.read("x.yaml"), before);
            assert!(
                !fault.scene.world.path("countersign.lock").exists(),
                "{what}: a lock of nothing was written"
            );
        }
    }
}

/// What all of them are without a fault.
#[test]
fn without_a_fault_all_is_well() {
    let fault = Fault::none(Registry::builder());
    for command in [&["verify"][..], &["pin"], &["lock"]] {
        let ended = fault.run(command);
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    }
}
