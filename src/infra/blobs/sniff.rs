//! What a file is, by its bytes.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use utoipa::ToSchema;

/// The types of file that are taken: what offices and telephones make. OFD is the national format
/// of fixed-layout documents (GB/T 33190), in which electronic invoices are issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    Pdf,
    Jpeg,
    Png,
    Ofd,
}

impl MediaType {
    pub const ALL: [MediaType; 4] =
        [MediaType::Pdf, MediaType::Jpeg, MediaType::Png, MediaType::Ofd];

    /// As `Content-Type` says it.
    pub fn mime(self) -> &'static str {
        match self {
            MediaType::Pdf => "application/pdf",
            MediaType::Jpeg => "image/jpeg",
            MediaType::Png => "image/png",
            MediaType::Ofd => "application/ofd",
        }
    }

    pub fn of_mime(text: &str) -> Option<MediaType> {
        MediaType::ALL.into_iter().find(|media| media.mime() == text)
    }
}

/// The file that an OFD document begins with, in the directory of its archive.
const OFD_ROOT: &[u8] = b"OFD.xml";
const ZIP: &[u8] = b"PK\x03\x04";
/// An entry of a ZIP archive's directory, and the end of that directory.
const ENTRY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
/// The directory stands at the end; an invoice's is a few KiB.
const DIRECTORY: u64 = 64 * 1024;

pub(super) fn media_type(file: &File) -> io::Result<Option<MediaType>> {
    let size = file.metadata()?.len();
    let mut head = [0; 8];
    let read = file.read_at(&mut head, 0)?;
    let head = &head[..read];
    let starts = [
        (&b"%PDF-"[..], MediaType::Pdf),
        (b"\xff\xd8\xff", MediaType::Jpeg),
        (b"\x89PNG\r\n\x1a\n", MediaType::Png),
    ];
    if let Some((_, media)) = starts.into_iter().find(|(start, _)| head.starts_with(start)) {
        return Ok(Some(media));
    }
    if !head.starts_with(ZIP) {
        return Ok(None);
    }
    let begin = size.saturating_sub(DIRECTORY);
    let mut tail = vec![0; (size - begin) as usize];
    file.read_exact_at(&mut tail, begin)?;
    Ok(lists_ofd_root(&tail).then_some(MediaType::Ofd))
}

/// Whether an archive's directory names the root file of an OFD document.
fn lists_ofd_root(tail: &[u8]) -> bool {
    let named = |at: usize| -> Option<&[u8]> {
        // The length of the name is at 28 of an entry, the name at 46 (APPNOTE 4.3.12).
        let length = u16::from_le_bytes([*tail.get(at + 28)?, *tail.get(at + 29)?]);
        tail.get(at + 46..at + 46 + usize::from(length))
    };
    let ends = tail.windows(END.len()).any(|bytes| bytes == END);
    let mut entries = tail.windows(ENTRY.len()).enumerate().filter(|(_, bytes)| *bytes == ENTRY);
    ends && entries.any(|(at, _)| named(at) == Some(OFD_ROOT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn sniffed(bytes: &[u8]) -> Option<MediaType> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        media_type(&file).unwrap()
    }

    /// The directory of an archive that holds one file of this name.
    fn archive(name: &str) -> Vec<u8> {
        let mut bytes = ZIP.to_vec();
        bytes.extend([0; 26]);
        bytes.extend(ENTRY);
        bytes.extend([0; 24]);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(name.as_bytes());
        bytes.extend(END);
        bytes.extend([0; 18]);
        bytes
    }

    #[test]
    fn a_file_is_what_its_bytes_say() {
        assert_eq!(sniffed(b"%PDF-1.7\n..."), Some(MediaType::Pdf));
        assert_eq!(sniffed(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some(MediaType::Jpeg));
        assert_eq!(sniffed(b"\x89PNG\r\n\x1a\n...."), Some(MediaType::Png));
        assert_eq!(sniffed(&archive("OFD.xml")), Some(MediaType::Ofd));
        for other in [
            &b""[..],
            b"MZ\x90\0",
            b"<html><script>",
            b" %PDF-1.7",
            b"\x89PNG",
            b"PK\x03\x04 OFD.xml",
            &archive("word/document.xml"),
            &archive("OFD.xml.exe"),
            &archive("OFD.xml")[..80],
        ] {
            assert_eq!(sniffed(other), None, "{other:?}");
        }
    }
}
