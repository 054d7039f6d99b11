-- For a PostgreSQL without TimescaleDB: the names that the platform's checks read, so that /health/ready is 200 and the
-- timescaledb_* metrics have values. Nothing here chunks or compresses: there is one chunk, and the ratio compares the
-- readings as text with the readings as stored. With the real extension do not load this file.
-- A connection finds the stand-in with the search path `standin,pg_catalog,public` (see README.md).
CREATE SCHEMA IF NOT EXISTS standin;
CREATE TABLE IF NOT EXISTS standin.pg_extension (extname name, extversion text);
INSERT INTO standin.pg_extension SELECT 'timescaledb', 'stand-in' WHERE NOT EXISTS (SELECT FROM standin.pg_extension);
CREATE SCHEMA IF NOT EXISTS timescaledb_information;
CREATE OR REPLACE VIEW timescaledb_information.hypertables AS
 SELECT table_schema AS hypertable_schema, table_name AS hypertable_name, 1::bigint AS num_chunks,
 true AS compression_enabled FROM information_schema.tables WHERE table_name = 'telemetry';
CREATE OR REPLACE VIEW timescaledb_information.continuous_aggregates AS
 SELECT schemaname AS view_schema, matviewname AS view_name FROM pg_catalog.pg_matviews;
CREATE OR REPLACE FUNCTION public.hypertable_compression_stats(hypertable regclass) RETURNS TABLE (
 number_compressed_chunks bigint, before_compression_total_bytes bigint, after_compression_total_bytes bigint)
 LANGUAGE sql AS $$ SELECT 1::bigint, sum(octet_length(t::text))::bigint, sum(pg_column_size(t.*))::bigint
 FROM public.telemetry t $$;
