#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ltx_jobs::fuzz::job_reference(data));
