//! Documents of an application, with files that are real ones of their type.

use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tradein::kernel::identifier::{Identifier, Vin};

/// A document and its file.
pub struct Paper {
    pub document: Value,
    pub media_type: &'static str,
    pub file: Vec<u8>,
}

/// A page of the smallest kind that readers of PDF take, with a text of its own.
pub fn pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 18 Tf 40 120 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 240] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", at + 1);
    }
    let table = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1);
    places.iter().for_each(|place| file += &format!("{place:010} 00000 n \n"));
    file += &format!("trailer\n<< /Size {} /Root 1 0 R >>\n", places.len() + 1);
    file += &format!("startxref\n{table}\n%%EOF\n");
    file.into_bytes()
}

impl Paper {
    pub fn of(document: Value, text: &str) -> Paper {
        Paper { document, media_type: "pdf", file: pdf(text) }
    }

    /// The invoice of a new car over 150,000 yuan.
    pub fn invoice(n: u64) -> Paper {
        let vin = Vin::synthetic(n).reveal().to_owned();
        Paper::invoice_of(&format!("INV-{n:08}"), &vin, "2025-06-01", 15_000_000)
    }

    pub fn invoice_of(number: &str, vin: &str, day: &str, fen: i64) -> Paper {
        let document = json!({"kind": "motor_vehicle_sales_invoice", "number": number,
            "issued_on": day, "total_fen": fen, "vin": vin, "region": "310000"});
        Paper::of(document, &format!("Invoice {number}"))
    }

    pub fn body(&self) -> Value {
        json!({"document": self.document, "sha256": hex::encode(Sha256::digest(&self.file)),
            "bytes": self.file.len(), "media_type": self.media_type})
    }

    pub async fn files(&self, world: &World, token: &str, application: &str) -> Answer {
        let path = format!("/v1/applications/{application}/documents");
        world.post(token, &path, self.body()).await
    }

    /// Files it and sends its file; where the file is read.
    pub async fn filed(&self, world: &World, token: &str, application: &str) -> String {
        let filed = self.files(world, token, application).await.expect(201);
        let path = place(application, &filed);
        sent(world, token, &path, self.file.clone()).await.expect(200);
        path
    }
}

/// Where the file of a filed document is sent and read.
pub fn place(application: &str, filed: &Answer) -> String {
    let id = filed.body["document"]["id"].as_str().expect("an id");
    format!("/v1/applications/{application}/documents/{id}/file")
}

/// Sends a file.
pub async fn sent(world: &World, token: &str, path: &str, file: Vec<u8>) -> Answer {
    World::sent(world.request("PUT", path).bearer_auth(token).body(file)).await
}
