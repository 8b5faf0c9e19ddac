//! A document of an application, and what commits to it.

use super::fields::{DocumentKind, Fields};
use crate::identity::store::Secret;
use crate::identity::vault::{Place, Sealed, Vault};
use crate::infra::blobs::{ContentHash, MediaType};
use crate::infra::keys::{Digest, KeyRing, SubKey};
use crate::kernel::canonical;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{self, Moment};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The most documents of one application.
pub const MOST: i64 = 60;

/// No more documents are taken.
pub const TOO_MANY_DOCUMENTS: Refusal = Refusal::new(
    "TOO_MANY_DOCUMENTS",
    "该申请的材料数量已达上限",
    "the application has as many documents as it may have",
);

/// The file is not the one that was filed.
pub const DOCUMENT_DIFFERS: Refusal = Refusal::new(
    "DOCUMENT_DIFFERS",
    "上传的文件与登记的摘要、大小或类型不一致",
    "the file is not of the hash, size or type that was filed",
);

/// Its file has not arrived.
pub const DOCUMENT_NOT_RECEIVED: Refusal = Refusal::new(
    "DOCUMENT_NOT_RECEIVED",
    "该材料的文件尚未上传",
    "the file of this document was not sent yet",
);

/// The row of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: Uuid,
    pub application: Uuid,
    pub kind: DocumentKind,
    pub sha256: ContentHash,
    /// The size of its file.
    pub bytes: i64,
    pub media: MediaType,
    /// Its fields, sealed.
    pub cipher: Vec<u8>,
    pub commitment: Digest,
    pub filed_at: Moment,
    /// When its file was there.
    pub received_at: Option<Moment>,
}

impl Document {
    pub fn is_received(&self) -> bool {
        self.received_at.is_some()
    }

    /// The fields, opened; nothing where the applicant is erased. Every call needs a reason on
    /// record; that is the caller's part.
    ///
    /// # Errors
    /// A cipher text that was changed or moved.
    pub fn open(&self, vault: &Vault) -> Result<Option<Fields>, Sealed> {
        if self.cipher.is_empty() {
            return Ok(None);
        }
        let clear = vault.open(place(self.id), &self.cipher)?;
        serde_json::from_str(&clear).map(Some).map_err(|_| Sealed::NotText)
    }

    /// As answers show it: without its fields.
    pub fn view(&self, book: BookNo) -> Json {
        let (zh, en) = self.kind.names();
        json!({
            "id": PublicId::new(Kind::Document, book, self.id).to_string(),
            "kind": self.kind.as_str(),
            "kind_zh": zh,
            "kind_en": en,
            "sha256": hex::encode(self.sha256),
            "bytes": self.bytes,
            "media_type": self.media.mime(),
            "filed_at": time::text(self.filed_at),
            "received_at": self.received_at.map(time::text),
        })
    }
}

/// Seals the fields of a document for its row.
pub fn seal(vault: &Vault, document: Uuid, fields: &Fields) -> Vec<u8> {
    let clear = String::from_utf8(canonical::bytes_of(fields)).unwrap_or_default();
    vault.seal(place(document), &clear)
}

fn place(document: Uuid) -> Place<'static> {
    Place { table: "vault.document", row: document, column: "cipher" }
}

/// Commits to a file and its fields: HMAC-SHA256 under the key of the applicant in this book. The
/// file enters by its SHA-256, which binds as firmly as its bytes and need not be read again.
pub fn commitment(key: &SubKey, sha256: &ContentHash, fields: &Fields) -> Digest {
    let said = canonical::sha256(&canonical::bytes_of(fields));
    key.digest(&[sha256.as_slice(), &said].concat())
}

/// The key of one applicant's commitments in one book: what an auditor is handed to check them.
/// It is made of the pseudonym's secret, which goes when the applicant is erased, and of the key
/// that is never rotated, because the ledger outlives every master secret.
pub fn key_of(keys: &KeyRing, secret: &Secret) -> SubKey {
    secret.key(keys, "documents")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    #[test]
    fn a_commitment_is_an_hmac_that_an_auditor_can_make() {
        let keys = KeyRing::sandbox();
        let secret = Secret::draw();
        let key = key_of(&keys, &secret);
        assert_ne!(key.expose(), key_of(&keys, &Secret::draw()).expose(), "one key an applicant");
        assert_eq!(key.expose(), key_of(&keys, &secret).expose());
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).unwrap();
        mac.update(b"content");
        assert_eq!(mac.finalize().into_bytes()[..], key.digest(b"content"));
    }
}
