//! Access control lists, kept as the grants that were made.

use super::error::Error;
use super::reply::Reply;
use super::request::{Headers, Request};
use super::service::{OWNER, Service};
use super::xml::{Element, Xml};

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
const GRANT_HEADERS: [(&str, &str); 4] = [
    ("x-amz-grant-full-control", "FULL_CONTROL"),
    ("x-amz-grant-read", "READ"),
    ("x-amz-grant-read-acp", "READ_ACP"),
    ("x-amz-grant-write-acp", "WRITE_ACP"),
];

/// The `Grant` elements that the headers ask for; nothing where they ask for nothing, which means private.
pub(super) fn from_headers(headers: &Headers) -> Result<Option<String>, Error> {
    let mut xml = Xml::fragment();
    for (header, permission) in GRANT_HEADERS {
        let Some(list) = headers.get(header) else { continue };
        for grantee in list.split(',') {
            let (kind, value) =
                grantee.trim().split_once('=').ok_or_else(|| Error::invalid_argument("Invalid grantee"))?;
            write_grant(&mut xml, kind, value.trim_matches('"'), permission);
        }
    }
    let grants = xml.into_string();
    if !grants.is_empty() {
        return Ok(Some(grants));
    }
    headers.get("x-amz-acl").map(|name| canned(&name)).transpose()
}

fn canned(name: &str) -> Result<String, Error> {
    let more: &[(&str, &str)] = match name {
        "private" | "bucket-owner-full-control" | "bucket-owner-read" => &[],
        "public-read" => &[(ALL_USERS, "READ")],
        "public-read-write" => &[(ALL_USERS, "READ"), (ALL_USERS, "WRITE")],
        "authenticated-read" => &[(AUTHENTICATED, "READ")],
        _ => return Err(Error::invalid_argument("Invalid canned ACL")),
    };
    let mut xml = Xml::fragment();
    write_grant(&mut xml, "id", OWNER, "FULL_CONTROL");
    for (group, permission) in more {
        write_grant(&mut xml, "uri", group, permission);
    }
    Ok(xml.into_string())
}

fn write_grant(xml: &mut Xml, kind: &str, value: &str, permission: &str) {
    xml.open("Grant");
    match kind {
        "id" => xml.raw(&format!("<Grantee {XSI} xsi:type=\"CanonicalUser\">")).text("ID", value),
        "uri" => xml.raw(&format!("<Grantee {XSI} xsi:type=\"Group\">")).text("URI", value),
        _ => xml
            .raw(&format!("<Grantee {XSI} xsi:type=\"AmazonCustomerByEmail\">"))
            .text("EmailAddress", value),
    };
    xml.close("Grantee").text("Permission", permission).close("Grant");
}

/// GetObjectAcl.
pub(super) fn get(service: &Service, request: &Request) -> Result<Reply, Error> {
    let store = service.read();
    let version = store.bucket(&request.bucket)?.object(&request.key, request.version_id()?)?;
    let grants = version.acl.clone().map_or_else(|| canned("private"), Ok)?;
    let mut xml = Xml::document();
    xml.root("AccessControlPolicy").open("Owner").text("ID", OWNER).close("Owner");
    xml.open("AccessControlList").raw(&grants).close("AccessControlList").close("AccessControlPolicy");
    Ok(Reply::xml(xml))
}

/// PutObjectAcl, by headers or by a document.
pub(super) fn put(service: &Service, request: &Request) -> Result<Reply, Error> {
    let grants = match from_headers(&request.headers)? {
        Some(grants) => grants,
        None => from_document(&Element::parse(&request.body)?)?,
    };
    let mut store = service.write();
    store.bucket_mut(&request.bucket)?.object_mut(&request.key, request.version_id()?)?.acl = Some(grants);
    Ok(Reply::ok())
}

fn from_document(policy: &Element) -> Result<String, Error> {
    let list = policy.child("AccessControlList").ok_or_else(Error::malformed_xml)?;
    let mut xml = Xml::fragment();
    for grant in list.children("Grant") {
        let grantee = grant.child("Grantee").ok_or_else(Error::malformed_xml)?;
        let kinds = [("id", "ID"), ("uri", "URI"), ("emailAddress", "EmailAddress")];
        let (kind, value) = kinds
            .iter()
            .find_map(|(kind, element)| Some((*kind, grantee.get(element)?)))
            .ok_or_else(Error::malformed_xml)?;
        write_grant(&mut xml, kind, value, grant.get("Permission").ok_or_else(Error::malformed_xml)?);
    }
    Ok(xml.into_string())
}
