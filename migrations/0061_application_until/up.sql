-- The sweep reads corrections in the order of their deadlines.
CREATE INDEX application_until_key ON application (book_id, until) WHERE until IS NOT NULL;
