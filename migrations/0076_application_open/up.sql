-- The queue of an office: what is not decided, in the order of its submission.
CREATE INDEX application_open_key ON application (book_id, application_id)
WHERE state IN ('submitted', 'correction_requested');
