CREATE TABLE IF NOT EXISTS public.wells (well text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS public.telemetry (at timestamptz NOT NULL, well text NOT NULL REFERENCES public.wells, source text NOT NULL,
                                             pressure double precision NOT NULL);
CREATE INDEX IF NOT EXISTS telemetry_well_at ON public.telemetry (well, at DESC);
