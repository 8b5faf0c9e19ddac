-- Those of one application.
CREATE INDEX document_application_key ON vault.document (book_id, application_id, document_id);
