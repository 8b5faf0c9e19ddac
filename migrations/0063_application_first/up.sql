-- The parts of a grant name the first, which may stand in the book of an earlier year.
CREATE INDEX application_first_key ON application (book_id, first_id) WHERE first_id IS NOT NULL;
