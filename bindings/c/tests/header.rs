//! `include/ltx_jobs.h` is what the sources say, and everything in it that is not a function is what the core says. `abi/symbols.txt` is the list of its
//! functions, for everybody who handles the built library: what is exported, what the static library keeps.
//!
//! With `LTX_JOBS_BLESS=1` in the environment both are written instead of compared.
// The lints know tests by their functions; all of this file is one.
#![allow(clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ltx_jobs::ErrorKind;

/// In the order of the header.
const SOURCES: [&str; 22] = [
    "status.rs",
    "version.rs",
    "error.rs",
    "config.rs",
    "callbacks.rs",
    "client.rs",
    "dispatch.rs",
    "request.rs",
    "money.rs",
    "counters.rs",
    "job.rs",
    "op/mod.rs",
    "op/take.rs",
    "result.rs",
    "saved.rs",
    "frames.rs",
    "buffer.rs",
    "extract.rs",
    "stream.rs",
    "submits.rs",
    "checked.rs",
    "log.rs",
];

const CONTRACT: &str = r#"/**
 * @file ltx_jobs.h
 * Client library for the LTX video generation service: submit a paid job, wait for it, bring its results home.
 *
 * Written by a program from the sources of the library; C99 and C++17. The C++ layer is ltx_jobs.hpp.
 *
 * **Errors.** A function that can fail returns an ltx_status and takes a last `ltx_error **err`, which may be NULL and is always written: NULL on success,
 * else an error that the caller frees. Out-parameters are NULL or 0 on failure. There is no last error of a thread.
 *
 * **Two nouns.** An ltx_job is the remote job; an ltx_op is work of this library in progress (a submit, a wait, a download). Starting one never blocks.
 *
 * **Threads.** Functions on ltx_client, ltx_job, ltx_op and ltx_frame_stream may be called from any thread at the same time. ltx_config and ltx_request are
 * for one thread at a time. ltx_error, ltx_estimate, ltx_result, ltx_saved, ltx_frames, ltx_buffer, ltx_submits, ltx_recovered and ltx_checked are immutable.
 * Never call from signal handlers, DllMain, atexit or destructors of static objects.
 *
 * **Blocking.** Only ltx_op_wait(), ltx_op_wait_until(), ltx_ops_wait_any(), ltx_frame_stream_next(), ltx_client_dispatch(), ltx_client_close(), the last
 * ltx_client_release() and ltx_log_set() block. No socket is read or written on the caller's thread.
 *
 * **Callbacks.** They run inside ltx_client_dispatch() only, on the thread that calls it. Progress comes at most ten times a second, completion once and
 * last, then `destroy` once, also when the operation never began or the client was closed first. When ltx_client_close() or the last ltx_client_release()
 * has returned, none runs and none will. See ltx_callbacks.
 *
 * **Memory.** What this library gives, this library frees; a text belongs to the object it came from. NULL may be freed and released. NULL, or a handle of
 * another type, is answered with LTX_INVALID_ARGUMENT, or with NULL or 0 by functions that give a value.
 *
 * **Text** is UTF-8 and ends with a NUL; paths are UTF-8 too, and on POSIX any bytes. **Times** are milliseconds: 0 only looks, negative has no limit.
 * **Enumerations** come in as int32_t and are checked. **Structs** begin with their size, which the caller sets, and only grow.
 *
 * **The process.** The library installs no signal handler, changes no mask, handler or locale of the host, prints nothing, and registers nothing for the end
 * of the process. Its threads are named `ltx-io`, `ltx-tick` and `ltx-log` and have all asynchronous signals blocked. ltx_client_new() reads the environment.
 * Its code stays in memory once a client was made, also after dlclose(); loading it again is fine, as often as wanted. Its log is off; see ltx_log_set().
 *
 * **Fork.** In a child whose parent had used a client, everything of that client answers LTX_FORKED, and releasing it does nothing. The child makes a new one.
 *
 * **Exit.** Ending the process without closing is fine; threads just end, and jobs go on at the service.
 */"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

fn constants() -> String {
    let version = |part: &str| part.parse::<u32>().expect("a number");
    let (major, minor, patch) = (
        version(env!("CARGO_PKG_VERSION_MAJOR")),
        version(env!("CARGO_PKG_VERSION_MINOR")),
        version(env!("CARGO_PKG_VERSION_PATCH")),
    );
    let mut out = String::new();
    let number = (major << 24) | (minor << 16) | (patch << 8);
    write!(
        out,
        r#"#if defined(_WIN32) && !defined(LTX_JOBS_STATIC)
#define LTX_API __declspec(dllimport)
#elif defined(__GNUC__) || defined(__clang__)
#define LTX_API __attribute__((visibility("default")))
#else
#define LTX_API
#endif

/** The version of this header; ltx_version() tells that of the library. */
#define LTX_VERSION_MAJOR {major}
#define LTX_VERSION_MINOR {minor}
#define LTX_VERSION_PATCH {patch}
#define LTX_VERSION "{major}.{minor}.{patch}"
/** major << 24 | minor << 16 | patch << 8, for comparison by the preprocessor and with ltx_version_number(). */
#define LTX_VERSION_NUMBER 0x{number:08x}
/** To be compared with ltx_abi_version(). */
#define LTX_ABI_VERSION 0

"#
    )
    .expect("text");
    let mut list = |about: &str, entries: &[(String, i64, &str)]| {
        writeln!(out, "/** {about} */\nenum {{").expect("text");
        for (at, (name, number, doc)) in entries.iter().enumerate() {
            let comma = if at + 1 < entries.len() { "," } else { "" };
            writeln!(out, "  /** {doc} */\n  {name} = {number}{comma}").expect("text");
        }
        out.push_str("};\n\n");
    };
    let plain = |entries: &[(&str, i64, &'static str)]| {
        entries
            .iter()
            .map(|(name, number, doc)| ((*name).to_owned(), *number, *doc))
            .collect::<Vec<_>>()
    };
    let mut statuses = plain(&[
        ("LTX_OK", 0, "Success."),
        ("LTX_PENDING", 1, "It still runs; no error."),
        ("LTX_STOPPED", 2, "The predicate said stop; no error."),
        ("LTX_END", 3, "Nothing more comes; no error."),
    ]);
    let docs = kind_docs();
    for kind in ErrorKind::ALL {
        let doc = docs
            .iter()
            .find(|(number, _)| *number == kind.number())
            .map(|(_, doc)| doc.as_str())
            .expect("a sentence for every kind");
        statuses.push((
            format!("LTX_{}", screaming(kind.name())),
            i64::from(kind.number()),
            Box::leak(doc.to_owned().into_boxed_str()),
        ));
    }
    list("Values of ltx_status.", &statuses);
    list(
        "What an error means for the bill.",
        &plain(&[
            ("LTX_BILLING_NO_JOB", 0, "No job was created by this call."),
            (
                "LTX_BILLING_JOB_EXISTS",
                1,
                "A job exists and is billed if it succeeds.",
            ),
            (
                "LTX_BILLING_NOT_BILLED",
                2,
                "The job ended without success and is not billed.",
            ),
            ("LTX_BILLING_UNKNOWN", 3, "Nobody can tell whether a job exists."),
        ]),
    );
    list(
        "The status of a job.",
        &plain(&[
            ("LTX_STATE_UNKNOWN", 0, "The service was not asked yet."),
            ("LTX_STATE_PENDING", 1, "Queued."),
            ("LTX_STATE_PROCESSING", 2, "Running."),
            ("LTX_STATE_COMPLETED", 3, "Done; its outputs can be fetched."),
            ("LTX_STATE_FAILED", 4, "Given up by the service, and not billed."),
            (
                "LTX_STATE_OTHER",
                5,
                "A word this version does not know; the job goes on.",
            ),
        ]),
    );
    list(
        "What became of a submit; -1 for something this version does not know.",
        &plain(&[
            ("LTX_FATE_SUBMITTING", 0, "It is on its way, in a process that lives."),
            ("LTX_FATE_ACCEPTED", 1, "The service holds the job."),
            ("LTX_FATE_REFUSED", 2, "No job was created."),
            ("LTX_FATE_UNKNOWN", 3, "Nobody can tell: a job may exist and be billed."),
            ("LTX_FATE_ENDED_UNBILLED", 4, "The job failed and was not billed."),
            (
                "LTX_FATE_ID_LOST",
                5,
                "A job exists and is billed if it succeeds, but its id did not arrive.",
            ),
        ]),
    );
    list(
        "What an operation is doing; -1 for something this version does not know.",
        &plain(&[
            ("LTX_PHASE_PREPARING", 0, "Checking arguments, looking at local files."),
            ("LTX_PHASE_UPLOADING", 1, "Sending an input to the storage."),
            (
                "LTX_PHASE_SUBMITTING",
                2,
                "The paid request, or waiting for its next try.",
            ),
            ("LTX_PHASE_WAITING", 3, "The job is on the service."),
            ("LTX_PHASE_DOWNLOADING", 4, "Fetching results."),
            (
                "LTX_PHASE_QUEUED",
                5,
                "A submit waits for a free place: max_concurrent_jobs, or the service's own limit. Between uploading and submitting.",
            ),
        ]),
    );
    list(
        "What to do when the outcome of a submit is unknown.",
        &plain(&[
            (
                "LTX_ON_UNKNOWN_STOP",
                0,
                "Stop with LTX_SUBMIT_UNKNOWN; never send it again.",
            ),
            (
                "LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE",
                1,
                "Send it again. May create, and bill, the job twice.",
            ),
        ]),
    );
    list(
        "How a part was found by ltx_client_check(); -1 for something this version does not know.",
        &plain(&[
            ("LTX_FOUND_OK", 0, "As it should be."),
            ("LTX_FOUND_WARNING", 1, "It works, but should be looked at."),
            ("LTX_FOUND_FAILED", 2, "It does not work."),
            (
                "LTX_FOUND_SKIPPED",
                3,
                "Nobody can tell, because something before it failed.",
            ),
        ]),
    );
    list(
        "How much a line of the log matters; see ltx_log_set().",
        &plain(&[
            ("LTX_LOG_OFF", 0, "Nothing."),
            ("LTX_LOG_ERROR", 1, "Something is lost or wrong."),
            ("LTX_LOG_WARN", 2, "Somebody should look at it."),
            ("LTX_LOG_INFO", 3, "What happened."),
            ("LTX_LOG_DEBUG", 4, "How it happened."),
            (
                "LTX_LOG_TRACE",
                5,
                "Everything, also what the HTTP and TLS libraries inside say.",
            ),
        ]),
    );
    list(
        "What becomes of an archive of EXR frames.",
        &plain(&[
            ("LTX_ARCHIVE_UNPACK", 0, "The frames are saved, each as a file."),
            ("LTX_ARCHIVE_KEEP", 1, "The archive is saved as one file."),
            ("LTX_ARCHIVE_BOTH", 2, "The archive is saved, and its frames too."),
        ]),
    );
    list(
        "What must be proven about a file before it gets its name.",
        &plain(&[
            (
                "LTX_VERIFY_WHEN_OFFERED",
                0,
                "Every checksum the storage offers, and the length.",
            ),
            (
                "LTX_VERIFY_REQUIRE",
                1,
                "As before, and a file without a checksum is refused.",
            ),
            ("LTX_VERIFY_OFF", 2, "The length; frames are checked nevertheless."),
        ]),
    );
    out.push_str(
        "/** Room for any amount of US dollars as text, with its NUL. */\n\
         #define LTX_USD_SIZE 32\n\n\
         /** An ltx_callbacks without functions, to begin with. */\n\
         #define LTX_CALLBACKS_INIT {sizeof(ltx_callbacks), NULL, NULL, NULL, NULL}\n",
    );
    out
}

/// The sentence of each kind, from the core's table.
fn kind_docs() -> Vec<(u16, String)> {
    let source =
        std::fs::read_to_string(root().join("crates/ltx-jobs/src/error.rs")).expect("the core's table of errors");
    let line = |line: &str| {
        let (number, rest) = line.trim().split_once(' ')?;
        let (_, doc) = rest.split_once('"')?;
        Some((
            number.parse().ok()?,
            doc.trim_end_matches(',').trim_end_matches('"').to_owned(),
        ))
    };
    source.lines().filter_map(line).collect()
}

fn generated() -> String {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(CONTRACT.to_owned()),
        include_guard: Some("LTX_JOBS_H".to_owned()),
        cpp_compat: true,
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"].map(str::to_owned).to_vec(),
        after_includes: Some(format!("\n{}", constants().trim_end())),
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        style: cbindgen::Style::Type,
        usize_is_size_t: true,
        line_length: 160,
        ..cbindgen::Config::default()
    };
    config.function.prefix = Some("LTX_API".to_owned());
    let mut builder = cbindgen::Builder::new().with_config(config);
    // A module in a folder brings its own along.
    for source in SOURCES.iter().filter(|source| **source != "op/take.rs") {
        builder = builder.with_src(root().join("bindings/c/src").join(source));
    }
    let mut text = Vec::new();
    builder.generate().expect("a header").write(&mut text);
    tidy(&String::from_utf8(text).expect("UTF-8"))
}

/// No trailing blanks, no blank lines in a row, and a tag for every struct, so that a program can declare it ahead.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        if line.is_empty() && at > 0 && lines[at - 1].is_empty() {
            continue;
        }
        if *line == "typedef struct {" {
            let name = lines[at..]
                .iter()
                .find_map(|line| line.strip_prefix("} "))
                .expect("the end of the struct");
            writeln!(out, "typedef struct {} {{", name.trim_end_matches(';')).expect("text");
        } else {
            writeln!(out, "{line}").expect("text");
        }
    }
    out
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = root().join("include/ltx_jobs.h");
    let wanted = generated();
    if std::env::var_os("LTX_JOBS_BLESS").is_some() {
        std::fs::create_dir_all(root().join("include")).expect("include/");
        std::fs::write(&path, &wanted).expect("the header");
        std::fs::write(list(), functions(&wanted)).expect("the list of functions");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    if there == wanted {
        return;
    }
    let differing = there
        .lines()
        .zip(wanted.lines())
        .enumerate()
        .find(|(_, (old, new))| old != new);
    panic!(
        "include/ltx_jobs.h is not what the sources say, first at {differing:?}; run this test with LTX_JOBS_BLESS=1 to write it"
    );
}

fn list() -> PathBuf {
    root().join("bindings/c/abi/symbols.txt")
}

/// The names of a header's functions, sorted, one a line.
fn functions(header: &str) -> String {
    // The mark may stand on a line of its own.
    let mut names: Vec<&str> = header
        .split("\nLTX_API")
        .skip(1)
        .map(|rest| {
            let name = rest.split('(').next().expect("the part before the parameters");
            name.rsplit([' ', '*']).next().expect("a name")
        })
        .collect();
    names.sort_unstable();
    names.join("\n") + "\n"
}

#[test]
fn the_list_of_exports_is_the_functions_of_the_header() {
    let header = std::fs::read_to_string(root().join("include/ltx_jobs.h")).expect("the header");
    if std::env::var_os("LTX_JOBS_BLESS").is_some() {
        // The other test writes it, from what it generated.
        return;
    }
    let there = std::fs::read_to_string(list()).expect("the list");
    assert!(
        there == functions(&header),
        "bindings/c/abi/symbols.txt is not the list of the header's functions; run these tests with LTX_JOBS_BLESS=1 to write both"
    );
}

#[test]
fn every_export_of_the_sources_is_in_the_header() {
    let header = std::fs::read_to_string(root().join("include/ltx_jobs.h")).expect("the header");
    let mut exports = 0;
    for source in SOURCES {
        let text = std::fs::read_to_string(root().join("bindings/c/src").join(source)).expect("a source");
        for line in text
            .lines()
            .filter(|line| line.contains("extern \"C\" fn ltx_") && !line.trim_start().starts_with("///"))
        {
            let name = line
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next())
                .expect("a name");
            assert!(header.contains(&format!("{name}(")), "{name} is missing");
            exports += 1;
        }
    }
    assert_eq!(
        header.lines().filter(|line| line.starts_with("LTX_API")).count(),
        exports
    );
}

#[test]
fn every_kind_of_error_is_a_status() {
    let header = std::fs::read_to_string(root().join("include/ltx_jobs.h")).expect("the header");
    for kind in ErrorKind::ALL {
        let entry = format!("  LTX_{} = {}", screaming(kind.name()), kind.number());
        assert!(
            header.lines().any(|line| line.trim_end_matches(',') == entry),
            "{entry} is missing"
        );
    }
    assert_eq!(screaming("SubmitUnknown"), "SUBMIT_UNKNOWN");
}
