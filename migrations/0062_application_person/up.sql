-- An applicant's own, newest last.
CREATE INDEX application_person_key ON application (book_id, person_id, application_id);
