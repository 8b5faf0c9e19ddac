-- After the other index, for the reason that the application's key tells.
ALTER TABLE vault.document ADD CONSTRAINT document_pkey PRIMARY KEY (book_id, document_id);
