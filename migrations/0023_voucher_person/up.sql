-- A person's own vouchers, newest last.
CREATE INDEX voucher_person_key ON voucher (book_id, person_id, voucher_id);
