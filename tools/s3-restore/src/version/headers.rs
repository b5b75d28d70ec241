//! What a version is besides its content, as HEAD tells it, and what of that S3 must be told again for a copy.
//!
//! CopyObject takes over content type, user metadata, cache headers and tags by itself. Storage class, encryption,
//! website redirect and object lock start anew unless they are sent; a multipart upload starts anew with everything
//! (S3 API reference, CopyObject and CreateMultipartUpload).

use std::collections::HashMap;

use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    MetadataDirective, ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass,
};

use crate::version::customer_key::{ALGORITHM, CustomerKey};

/// Sets what no copy takes over on the request of an operation that writes.
macro_rules! described {
    ($request:expr, $headers:expr, $key:expr) => {{
        let headers = $headers;
        let mut request = $request
            .set_website_redirect_location(headers.redirect.clone())
            .set_object_lock_mode(headers.lock.as_ref().map(|(mode, _)| mode.clone()))
            .set_object_lock_retain_until_date(headers.lock.as_ref().map(|(_, until)| *until))
            .set_object_lock_legal_hold_status(headers.legal_hold.then_some(ObjectLockLegalHoldStatus::On));
        if headers.storage_class != StorageClass::Standard {
            request = request.storage_class(headers.storage_class.clone());
        }
        match (&headers.encryption, $key) {
            (Encryption::Managed { algorithm, key_id, bucket_key }, _) => request
                .server_side_encryption(algorithm.clone())
                .set_ssekms_key_id(key_id.clone())
                .set_bucket_key_enabled(*bucket_key),
            (Encryption::Customer, Some(key)) => request
                .sse_customer_algorithm(ALGORITHM)
                .sse_customer_key(&key.key)
                .sse_customer_key_md5(&key.md5),
            _ => request,
        }
    }};
}

/// Sets metadata on the request of an operation that writes.
macro_rules! named {
    ($request:expr, $metadata:expr) => {
        $request
            .set_content_type($metadata.content_type.clone())
            .set_cache_control($metadata.cache_control.clone())
            .set_content_disposition($metadata.content_disposition.clone())
            .set_content_encoding($metadata.content_encoding.clone())
            .set_content_language($metadata.content_language.clone())
            .set_metadata(Some($metadata.metadata.clone()))
    };
}

/// The metadata that replaces a version's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replacement {
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    /// As the header says it, which need not be a date.
    pub expires: Option<String>,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: HashMap<String, String>,
}

/// Everything that a version is besides its content, tags and ACL.
#[derive(Clone, Debug, PartialEq)]
pub struct Headers {
    metadata: Replacement,
    /// Whether [`Headers::metadata`] is not the version's own.
    replaced: bool,
    storage_class: StorageClass,
    redirect: Option<String>,
    encryption: Encryption,
    lock: Option<(ObjectLockMode, DateTime)>,
    legal_hold: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Encryption {
    /// The store does not say.
    Unknown,
    Managed {
        algorithm: ServerSideEncryption,
        key_id: Option<String>,
        bucket_key: Option<bool>,
    },
    Customer,
}

impl Headers {
    /// What HEAD said at this time. A retention that is over by then is none: S3 refuses to set it again.
    pub fn of(head: &HeadObjectOutput, now: DateTime) -> Self {
        let lock = head.object_lock_mode.clone().zip(head.object_lock_retain_until_date);
        Self {
            metadata: Replacement {
                content_type: head.content_type.clone(),
                cache_control: head.cache_control.clone(),
                content_disposition: head.content_disposition.clone(),
                content_encoding: head.content_encoding.clone(),
                content_language: head.content_language.clone(),
                expires: head.expires_string.clone(),
                metadata: head.metadata.clone().unwrap_or_default(),
            },
            replaced: false,
            storage_class: head.storage_class.clone().unwrap_or(StorageClass::Standard),
            redirect: head.website_redirect_location.clone(),
            encryption: Encryption::of(head),
            lock: lock.filter(|(_, until)| *until > now),
            legal_hold: head.object_lock_legal_hold_status == Some(ObjectLockLegalHoldStatus::On),
        }
    }

    /// With the metadata and the storage class that the user wants instead.
    pub fn adjusted(mut self, replacement: Option<&Replacement>, class: Option<&StorageClass>) -> Self {
        if let Some(replacement) = replacement {
            self.metadata = replacement.clone();
            self.replaced = true;
        }
        if let Some(class) = class {
            self.storage_class = class.clone();
        }
        self
    }

    /// Whether a version with these others is as wanted. What a bucket adds by itself, a default retention or
    /// encryption, is no difference where the wanted version had none.
    pub fn are_in(&self, other: &Self) -> bool {
        // S3 gives objects without a type this one.
        let kind = |metadata: &Replacement| {
            metadata.content_type.clone().unwrap_or_else(|| "binary/octet-stream".into())
        };
        let same_metadata = kind(&self.metadata) == kind(&other.metadata)
            && Replacement { content_type: None, ..self.metadata.clone() }
                == Replacement { content_type: None, ..other.metadata.clone() };
        same_metadata
            && self.storage_class == other.storage_class
            && self.redirect == other.redirect
            && (self.encryption == Encryption::Unknown || self.encryption == other.encryption)
            && (self.lock.is_none() || self.lock == other.lock)
            && self.legal_hold == other.legal_hold
    }

    /// Whether there is an object lock, a website redirect or a customer's key, which no copy takes over by itself.
    pub fn are_more_than_metadata(&self) -> bool {
        self.lock.is_some() || self.legal_hold || self.redirect.is_some() || self.need_customer_key()
    }

    /// Whether the content is encrypted with a key that only the user has.
    pub fn need_customer_key(&self) -> bool {
        self.encryption == Encryption::Customer
    }

    /// Tells CopyObject what it would not take over.
    pub fn on_copy(
        &self,
        copy: CopyObjectFluentBuilder,
        key: Option<&CustomerKey>,
    ) -> CopyObjectFluentBuilder {
        let copy = described!(copy, self, key);
        let copy = match key.filter(|_| self.need_customer_key()) {
            Some(key) => copy
                .copy_source_sse_customer_algorithm(ALGORITHM)
                .copy_source_sse_customer_key(&key.key)
                .copy_source_sse_customer_key_md5(&key.md5),
            None => copy,
        };
        if self.replaced {
            named!(copy.metadata_directive(MetadataDirective::Replace), self.metadata)
        } else {
            copy
        }
    }

    /// Tells CreateMultipartUpload everything but Expires, which its type takes for a date.
    pub fn on_upload(
        &self,
        upload: CreateMultipartUploadFluentBuilder,
        key: Option<&CustomerKey>,
    ) -> CreateMultipartUploadFluentBuilder {
        named!(described!(upload, self, key), self.metadata)
    }

    /// The Expires header, where S3 has to be told.
    pub fn expires(&self, upload: bool) -> Option<String> {
        self.metadata.expires.clone().filter(|_| upload || self.replaced)
    }
}

impl Encryption {
    fn of(head: &HeadObjectOutput) -> Self {
        if head.sse_customer_algorithm.is_some() {
            return Self::Customer;
        }
        match &head.server_side_encryption {
            None => Self::Unknown,
            Some(algorithm) => Self::Managed {
                algorithm: algorithm.clone(),
                key_id: head.ssekms_key_id.clone(),
                bucket_key: head.bucket_key_enabled.filter(|_| *algorithm != ServerSideEncryption::Aes256),
            },
        }
    }
}
