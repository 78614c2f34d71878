// A target needs a source to have a precompiled header (sluice_headers in options.cmake).
