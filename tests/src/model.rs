//! Requests held against the service models that botocore carries, for operations that no server at hand knows.

use std::io::Write as _;

use crate::sandbox;

/// Fails the test unless the model of an operation allows this XML.
///
/// # Panics
/// With every member that is unknown or missing and every value that is not allowed.
#[track_caller]
pub fn assert_allowed(service: &str, operation: &str, xml: &str) {
    let wrong = complaints(service, operation, xml);
    assert!(wrong.is_empty(), "{operation}:\n{wrong}in {xml}");
}

/// What the model of an operation has against this XML, a line for each; empty where it allows it.
///
/// # Panics
/// If the model cannot be asked.
pub fn complaints(service: &str, operation: &str, xml: &str) -> String {
    let mut command = sandbox::server("service_model.py");
    let mut child = command.args([service, operation]).spawn().expect("python of the sandbox");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(xml.as_bytes()).expect("the script reads the request");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "the model of {service} could not be asked about {xml}");
    String::from_utf8(output.stdout).expect("words in UTF-8")
}
