//! A page that names the next one in its head, and comes to its end only once that has been asked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use testkit::tool::Tool;

use super::texts;

const VERSIONING: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
/// How long the first page waits before it breaks off and has to be asked for again.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Asked {
    first: usize,
    next: bool,
}

type Shared = Arc<(Mutex<Asked>, Condvar)>;

fn version(id: &str) -> String {
    format!(
        "<Version><Key>k</Key><VersionId>{id}</VersionId><IsLatest>{}</IsLatest>\
         <LastModified>2026-11-20T10:00:00.000Z</LastModified><Size>1</Size></Version>",
        id == "2"
    )
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (asked, changed) = &**shared;
    let mut head = BufReader::new(stream.try_clone()?).lines();
    let request = head.next().transpose()?.unwrap_or_default();
    while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n")?;
    if request.contains("versioning") {
        return write!(stream, "{VERSIONING}");
    }
    if request.contains("key-marker=") {
        // Where no version is named, the tool asks what lies behind the key.
        let next = request.contains("version-id-marker=2");
        asked.lock().unwrap().next |= next;
        changed.notify_all();
        let rest = if next { version("1") } else { String::new() };
        let more = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>";
        return write!(stream, "<ListVersionsResult>{more}{rest}</ListVersionsResult>");
    }
    write!(
        stream,
        "<ListVersionsResult><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>2</NextVersionIdMarker>\
         <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>{}",
        version("2")
    )?;
    let mut waiting = asked.lock().unwrap();
    waiting.first += 1;
    let (waiting, _) = changed.wait_timeout_while(waiting, PATIENCE, |asked| !asked.next).unwrap();
    if waiting.next { write!(stream, "</ListVersionsResult>") } else { Ok(()) }
}

#[test]
fn the_next_page_is_asked_for_while_this_one_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shared = Shared::default();
    thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // Whoever leaves in the middle of an answer is seen by the test.
                thread::spawn(move || answer(stream, &shared).ok());
            }
        }
    });
    let output = Tool::new("s3-versions").endpoint(&url).arg("s3://photos").run();
    output.assert_code(0);
    assert_eq!(texts(&output.records(), "version_id"), ["2", "1"]);
    assert_eq!(shared.0.lock().unwrap().first, 1);
}
