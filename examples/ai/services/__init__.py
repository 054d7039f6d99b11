"""The services of HolisticOS."""
