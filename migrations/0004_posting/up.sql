-- The money legs of the entries, one row each, for readers: a positive amount is a debit.
CREATE VIEW posting AS
SELECT e.book_id, e.seq, e.at, e.kind, e.about, l.leg, l.account, l.amount_fen
FROM entry e
CROSS JOIN LATERAL unnest(e.accounts, e.amounts) WITH ORDINALITY AS l(account, amount_fen, leg);
GRANT SELECT ON posting TO tradein_app;
