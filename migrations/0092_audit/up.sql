-- For auditors with tools of their own: views, and a role that reads them and nothing else. Their
-- names and columns stay; what they are made of may change.
CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'Views for auditors: no identity, amounts in fen, times with their zone';
GRANT USAGE ON SCHEMA audit TO tradein_auditor;
