-- The documents of applications. Their fields (numbers of invoices, VINs) are cipher text; their
-- files stand in the file store under the SHA-256.
CREATE TABLE vault.document (
    book_id integer NOT NULL,
    document_id uuid NOT NULL,
    application_id uuid NOT NULL,
    kind text NOT NULL,
    sha256 bytea NOT NULL,
    bytes bigint NOT NULL,
    media_type text NOT NULL,
    cipher bytea NOT NULL,
    commitment bytea NOT NULL,
    filed_at timestamptz NOT NULL,
    received_at timestamptz,
    CONSTRAINT document_bytes_check CHECK (bytes > 0)
);
GRANT SELECT, INSERT, UPDATE ON vault.document TO tradein_app;
