//! `kill -9` while the cache writes: never a wrong verdict afterwards, and nothing missing that was said to be stored.
//!
//! Five times by default, or as often as `COUNTERSIGN_KILLS` says: `just kill`.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use countersign::{Checker, LastKnown, Verdict, collect_bundles};
use countersign_testkit::forge::{Algorithm, Forge, Key};

use super::checks::{NOW, ask, policies};
use super::disk::Folder;
use super::*;

const FOLDER: &str = "COUNTERSIGN_TEST_CACHE_FOLDER";
const HOST: &str = "COUNTERSIGN_TEST_REGISTRY";
const IMAGES: usize = 12;
const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_kill_at_any_moment_leaves_a_cache_that_serves() {
    if let (Ok(folder), Ok(host)) = (std::env::var(FOLDER), std::env::var(HOST)) {
        fill(Path::new(&folder), &host);
    }
    let kills: u64 = match std::env::var("COUNTERSIGN_KILLS") {
        Ok(number) => number.parse().expect("COUNTERSIGN_KILLS is a number"),
        Err(_) => 5,
    };
    let registry = Registry::start();
    let key = Key::generate(Algorithm::P256);
    let images = pushed(&registry, &key);
    let mut folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (mut stored, mut most) = (BTreeSet::new(), 0);
    for kill in 0..kills {
        // Now and then an empty folder, so that blobs are written and not only records.
        if kill.is_multiple_of(4) {
            (folder, stored) = (Folder::new(), BTreeSet::new());
        }
        stored.extend(killed(&registry, &folder.path(), kill));
        runtime.block_on(serves(&registry, &folder, &key, &images, &stored));
        most = most.max(stored.len());
    }
    assert!(most > 0, "no child ever stored anything");
}

/// Signed images of various sizes, so that a kill may hit in the middle of a file; every third one is signed by somebody else.
fn pushed(registry: &Registry, key: &Key) -> Vec<(String, Verdict)> {
    let forge = Forge::new(NOW);
    let stranger = Key::generate(Algorithm::P256);
    (0..IMAGES)
        .map(|number| {
            let repo = format!("acme/app{number}");
            let image = registry.push_image(&repo, "v1");
            let (key, verdict) = if number % 3 == 2 {
                (&stranger, Verdict::Deny)
            } else {
                (key, Verdict::Allow)
            };
            let mut bundle = forge.image_signature(&image).keyed(key).bundle();
            bundle.resize(bundle.len() + number * 40_000, b' ');
            registry.attach_bundle(&repo, &image, &bundle);
            (image, verdict)
        })
        .collect()
}

/// The child: fills the cache in a loop, each round as a process that starts anew, and says what is stored.
fn fill(folder: &Path, host: &str) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut output = std::io::stdout();
    runtime.block_on(async {
        let client = Arc::new(HttpRegistry::new().plain_http(host));
        for round in 0.. {
            let cache = Arc::new(Cache::default().on_disk(folder, 1 << 30).unwrap());
            let cached = Cached::new(Arc::clone(&client), Arc::clone(&cache));
            for number in 0..IMAGES {
                let name = ImageRef::parse(&format!("{host}/acme/app{number}:v1")).unwrap();
                let evidence = check(&cached, &Repository::of(&name), &tag("v1")).await;
                assert_eq!(evidence.unwrap().items.len(), 1);
                assert_eq!(cache.disk_error(), None);
                if round == 0 {
                    output
                        .write_all(format!("stored {number}\n").as_bytes())
                        .unwrap();
                }
            }
        }
    });
    unreachable!("it is killed")
}

/// Runs the child for a while that differs each time, kills it, and gives what it said.
fn killed(registry: &Registry, folder: &Path, kill: u64) -> BTreeSet<usize> {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "kill::a_kill_at_any_moment_leaves_a_cache_that_serves",
        ])
        .env(FOLDER, folder)
        .env(HOST, registry.host())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (say, said) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let lines = output.lines().map_while(Result::ok);
        // The test harness may put its own words before ours.
        let numbers = lines.filter_map(|line| line.split_once("stored ")?.1.parse::<usize>().ok());
        numbers.for_each(|number| say.send(number).unwrap());
    });
    // Every other time after a while, else right after it has stored something, however slow the computer is.
    let mut stored = BTreeSet::new();
    if kill.is_multiple_of(2) {
        std::thread::sleep(Duration::from_millis(15 + kill * 7919 % 120));
    } else {
        for _ in 0..=kill * 5 % 12 {
            stored.insert(said.recv_timeout(Duration::from_secs(60)).unwrap());
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    stored.extend(said);
    stored
}

/// With the registry, every verdict is right; without it, what was stored is known, and what is known is right.
async fn serves(
    registry: &Registry,
    folder: &Folder,
    key: &Key,
    images: &[(String, Verdict)],
    stored: &BTreeSet<usize>,
) {
    let cache = folder.open();
    let client = Arc::new(HttpRegistry::new());
    for (number, (image, _)) in images.iter().enumerate() {
        let repository = repository(registry, &format!("acme/app{number}"));
        let last = LastKnown::new(Arc::clone(&client), Arc::clone(&cache), DAY);
        let (image, budget) = (digest(image), budget());
        let pinned = resolve(&last, &repository, &Reference::Digest(image), &budget).await;
        let evidence = collect_bundles(&last, &repository, &image, &budget).await;
        if stored.contains(&number) {
            assert!(pinned.is_ok(), "app{number}: {pinned:?}");
            assert_eq!(evidence.gaps, [], "app{number}");
            assert_eq!(evidence.items.len(), 1, "app{number}");
        }
    }
    // A copy, so that the folder holds what children have written and nothing else.
    let copy = Folder::new();
    let copied = Command::new("cp")
        .arg("-a")
        .args([folder.path(), copy.path()])
        .status();
    assert!(copied.unwrap().success());
    let checker = Checker::new(policies(key))
        .registry(super::client(registry))
        .cache(copy.open());
    for (number, (_, verdict)) in images.iter().enumerate() {
        let decision = ask(&checker, registry, &format!("acme/app{number}:v1")).await;
        assert_eq!(decision.effect(), *verdict, "app{number}");
    }
}
