-- A budget over time, added up from its postings.
CREATE VIEW audit.balances_by_day AS
SELECT
    e.book AS book,
    e.book_no AS book_no,
    e.day AS day,
    e.account AS account,
    e.moved_fen AS moved_fen,
    (sum(e.moved_fen) OVER (PARTITION BY e.book_no, e.account ORDER BY e.day))::bigint AS balance_fen
FROM (
    SELECT p.book, p.book_no, p.account, (p.at AT TIME ZONE 'Asia/Shanghai')::date AS day,
        sum(p.amount_fen)::bigint AS moved_fen
    FROM audit.postings p GROUP BY 1, 2, 3, 4
) e;
COMMENT ON VIEW audit.balances_by_day IS 'What each account of a book moved on a day, and held at its end, days without a movement have no row';
COMMENT ON COLUMN audit.balances_by_day.book IS 'Name of the book';
COMMENT ON COLUMN audit.balances_by_day.book_no IS 'Number of the book';
COMMENT ON COLUMN audit.balances_by_day.day IS 'Day in China';
COMMENT ON COLUMN audit.balances_by_day.account IS 'Budget bucket';
COMMENT ON COLUMN audit.balances_by_day.moved_fen IS 'Sum of the day, in fen';
COMMENT ON COLUMN audit.balances_by_day.balance_fen IS 'What the account held at the end of the day, in fen';
GRANT SELECT ON audit.balances_by_day TO tradein_auditor;
