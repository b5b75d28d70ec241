//! Errors as RDS writes them: `code` and status of each fault in the API's service model.

use super::fields::Fields;

/// An answer that is an error.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The code on the wire, which is not always the name of the fault: `DBInstanceNotFound`.
    pub code: &'static str,
    /// Words for people.
    pub message: String,
}

impl Refusal {
    /// Any error.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Too many requests; API reference, common errors.
    pub fn throttling() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    /// Who asks may not.
    pub fn denied() -> Self {
        Self::new(403, "AccessDenied", "User: arn:aws:iam::123456789012:user/night is not authorized")
    }

    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterCombination", message)
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValue", message)
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::new(400, "MissingParameter", format!("The request must contain the parameter {name}"))
    }

    pub(super) fn cluster_not_found(id: &str) -> Self {
        Self::new(404, "DBClusterNotFoundFault", format!("DBCluster {id} not found."))
    }

    pub(super) fn instance_not_found(id: &str) -> Self {
        Self::new(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
    }

    pub(super) fn cluster_state(id: &str, status: &str) -> Self {
        let message = format!("Cluster {id} is not in an allowed state: {status}");
        Self::new(400, "InvalidDBClusterStateFault", message)
    }

    pub(super) fn document(&self) -> String {
        let mut error = Fields::default();
        error.set("Error.Type", if self.status < 500 { "Sender" } else { "Receiver" });
        error.set("Error.Code", self.code).set("Error.Message", &self.message).set("RequestId", "TESTKIT");
        let mut xml = String::new();
        error.write("ErrorResponse", &mut xml);
        xml
    }
}
