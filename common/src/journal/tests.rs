use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn identity() -> Identity {
    of("https://store.example")
}

fn of(endpoint: &str) -> Identity {
    let identity: Identity = serde_json::from_str(r#"{"tool":"t","target":{},"flags":{}}"#).unwrap();
    identity.target("endpoint", endpoint)
}

fn record(n: u32) -> Record {
    Record::parse(format!("{{\"n\":{n}.10}}")).unwrap()
}

struct Place {
    _dir: tempfile::TempDir,
    path: std::path::PathBuf,
}

fn place(content: Option<&[u8]>) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    if let Some(content) = content {
        fs::write(&path, content).unwrap();
    }
    Place { _dir: dir, path }
}

/// A journal with the results 1, 2 and 3 of the works a, b and c.
async fn three(path: &Path) {
    let journal = Journal::open(path, &identity()).unwrap();
    for (n, work) in (1..).zip(["a", "b", "c"]) {
        journal.intend(Id::of(&[work]), &record(n + 10)).await.unwrap();
        journal.commit(Id::of(&[work]), &record(n)).await.unwrap();
    }
}

fn refused(path: &Path, identity: &Identity) -> String {
    let before = fs::read(path).unwrap();
    let message = |result: Result<Journal>| {
        let error = result.err().unwrap();
        assert!(error.is::<Usage>(), "{error:#}");
        error.to_string()
    };
    let read = message(Journal::read(path, identity));
    assert_eq!(message(Journal::open(path, identity)), read);
    assert_eq!(fs::read(path).unwrap(), before, "a file that is not ours was changed");
    read
}

#[tokio::test]
async fn a_result_is_found_by_the_next_run_only() {
    let Place { path, _dir } = place(None);
    let (a, b) = (Id::of(&["ab", "c"]), Id::of(&["a", "bc"]));
    let journal = Journal::open(&path, &identity()).unwrap();
    assert_eq!(journal.find(a).unwrap(), None);
    journal.intend(a, &record(1)).await.unwrap();
    journal.commit(a, &record(2)).await.unwrap();
    journal.intend(b, &record(3)).await.unwrap();
    let second = Journal::open(&path, &identity()).err().unwrap();
    assert!(second.to_string().contains("in use"), "{second}");
    drop(journal);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let journal = Journal::read(&path, &identity()).unwrap();
    assert_eq!(journal.find(a).unwrap(), Some(Entry::Result(record(2))));
    assert_eq!(journal.find(b).unwrap(), Some(Entry::Intent(record(3))));
    let all: Vec<_> = journal.earlier().map(Result::unwrap).collect();
    assert_eq!(all, [Entry::Intent(record(1)), Entry::Result(record(2)), Entry::Intent(record(3))]);
}

#[tokio::test]
async fn a_line_cut_anywhere_by_a_crash_never_counted() {
    let Place { path, _dir } = place(None);
    three(&path).await;
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    for end in last..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let journal = Journal::open(&path, &identity()).unwrap();
        assert_eq!(journal.find(Id::of(&["c"])).unwrap(), Some(Entry::Intent(record(13))), "{end}");
        journal.commit(Id::of(&["c"]), &record(3)).await.unwrap();
        drop(journal);
        assert_eq!(fs::read(&path).unwrap(), whole, "{end}");
    }
}

#[tokio::test]
async fn a_first_line_cut_by_a_crash_is_begun_again() {
    let Place { path, _dir } = place(None);
    three(&path).await;
    let whole = fs::read(&path).unwrap();
    let header = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for end in [0, identity::MAGIC.len(), 40, header - 1] {
        fs::write(&path, &whole[..end]).unwrap();
        drop(Journal::open(&path, &identity()).unwrap());
        assert_eq!(fs::read(&path).unwrap(), &whole[..header], "{end}");
    }
}

#[tokio::test]
async fn a_damaged_line_does_not_make_the_others_useless() {
    let Place { path, _dir } = place(None);
    three(&path).await;
    let whole = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    let lines: Vec<_> = whole.lines().collect();
    let damages = [
        whole.replace(lines[4], &lines[4].replace(".10", ".11")),
        whole.replace(lines[4], &lines[4][..lines[4].len() / 2]),
        whole.replace(lines[4], "notes of somebody"),
        whole.replace(lines[4], &"\0".repeat(lines[4].len())),
    ];
    for damaged in damages {
        assert_ne!(damaged, whole);
        fs::write(&path, &damaged).unwrap();
        let journal = Journal::open(&path, &identity()).unwrap();
        let find = |work| journal.find(Id::of(&[work])).unwrap();
        assert_eq!(find("a"), Some(Entry::Result(record(1))));
        assert_eq!(find("b"), Some(Entry::Intent(record(12))));
        assert_eq!(find("c"), Some(Entry::Result(record(3))));
        assert_eq!(journal.earlier().count(), 5);
        drop(journal);
        assert_eq!(fs::read(&path).unwrap(), damaged.as_bytes());
    }
}

#[tokio::test]
async fn a_foreign_end_is_kept_and_what_follows_begins_on_its_own_line() {
    let Place { path, _dir } = place(None);
    three(&path).await;
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [whole.clone(), b"notes".to_vec()].concat()).unwrap();
    let journal = Journal::open(&path, &identity()).unwrap();
    journal.commit(Id::of(&["d"]), &record(4)).await.unwrap();
    drop(journal);
    assert!(fs::read(&path).unwrap().starts_with(&[whole, b"notes\n{\"sum\"".to_vec()].concat()));
    let journal = Journal::open(&path, &identity()).unwrap();
    assert_eq!(journal.find(Id::of(&["d"])).unwrap(), Some(Entry::Result(record(4))));
}

#[test]
fn no_other_file_is_changed() {
    for content in [
        "{\"key\":\"a\"}\n",
        "{\"customers\":[1]}",
        "{",
        "whsec_secret",
        "\n",
        "\0\0\0",
        "{\"drkit_journal\":2}\n",
        "{\"drkit_journal\":3,\"sum\":\"0000000000000000\",\"about\":{},\"drkit\":\"9\"}\n",
    ] {
        let Place { path, _dir } = place(Some(content.as_bytes()));
        let message = refused(&path, &identity());
        assert!(message.contains("give another file"), "{content}: {message}");
    }
    let Place { path, _dir } = place(Some(b"{\"id\":\"0123456789abcdef0123456789abcdef\",\"result\":{}}\n"));
    assert!(refused(&path, &identity()).contains("of an earlier release"));
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    for path in ["/dev/full", "/dev/zero", "/dev/null", "/"] {
        let error = Journal::open(Path::new(path), &identity()).err().unwrap();
        assert!(error.is::<Usage>() && error.to_string().contains("no regular file"), "{path}: {error:#}");
    }
}

#[test]
fn a_huge_file_without_a_line_end_is_refused_at_once() {
    let Place { path, _dir } = place(None);
    File::create(&path).unwrap().set_len(3 << 30).unwrap();
    let error = Journal::open(&path, &identity()).err().unwrap();
    assert!(error.to_string().contains("is no journal"), "{error:#}");
}

#[tokio::test]
async fn a_journal_of_another_run_is_refused_by_what_differs() {
    let Place { path, _dir } = place(None);
    three(&path).await;
    let message = refused(&path, &of("https://other.example"));
    assert!(
        message.contains("its endpoint is https://store.example, here https://other.example"),
        "{message}"
    );
    let more = identity().target("bucket", "b");
    assert!(refused(&path, &more).contains("it has no bucket, here it is b"));
    let other: Identity = serde_json::from_str(r#"{"tool":"u","target":{},"flags":{}}"#).unwrap();
    assert!(refused(&path, &other).contains("it was written by t, not u"));
    let flags = r#"{"tool":"t","target":{"endpoint":"https://store.example"},"flags":{"--method":"copy"}}"#;
    let flags: Identity = serde_json::from_str(flags).unwrap();
    assert!(refused(&path, &flags).contains("it has no --method, here it is copy"));
}

#[test]
fn a_dry_run_makes_no_file() {
    let Place { path, _dir } = place(None);
    let journal = Journal::read(&path, &identity()).unwrap();
    assert_eq!((journal.find(Id::of(&["a"])).unwrap(), journal.earlier().count()), (None, 0));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_full_disk_leaves_whole_lines_and_ends_the_writing() {
    let Place { path, _dir } = place(None);
    three(&path).await;
    let whole = fs::read(&path).unwrap();
    let file = OpenOptions::new().read(true).open(&path).unwrap();
    let (queue, commits) = mpsc::channel(4);
    // A file that was opened for reading takes nothing, as a full disk does.
    let writer = std::thread::spawn(move || writer::run(&mut { file }, commits));
    for _ in 0..2 {
        let (synced, on_disk) = oneshot::channel();
        queue.send(Commit { line: b"{}\n".to_vec(), synced }).await.unwrap();
        assert!(on_disk.await.unwrap().is_err());
    }
    drop(queue);
    writer.join().unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
}
