//! What a check found: a finding for each part, every setting with its origin, and the whole as text.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::{Checked, Finding, FindingState};

use crate::guard::{self, look};
use crate::handle::{self, Handle};
use crate::status::{LTX_OK, ltx_status};
use crate::text;

/// What a check found. Immutable, may be used from any thread; freed once with ltx_checked_free(). Texts live as long as it does, and show no key and no
/// password of a proxy.
pub struct ltx_checked {
    _opaque: [u8; 0],
}

/// One finding in C's shape.
struct Row {
    what: CString,
    state: i32,
    detail: CString,
    elapsed: i64,
    status: ltx_status,
}

pub(crate) struct Report {
    rows: Vec<Row>,
    settings: Vec<[CString; 3]>,
    request_id: Option<CString>,
    text: CString,
}

impl Handle for ltx_checked {
    type Value = Report;
    const MAGIC: u64 = handle::magic(b"ltxcheck");
    const NAME: &'static str = "ltx_checked";
}

impl ltx_checked {
    pub(crate) fn give(checked: &Checked) -> *mut Self {
        handle::give(Report {
            rows: checked.findings.iter().map(Row::new).collect(),
            settings: checked
                .settings
                .iter()
                .map(|(key, value, origin)| [text::owned(key), text::owned(value), text::owned(&origin.to_string())])
                .collect(),
            request_id: checked.request_id.as_deref().map(text::owned),
            text: text::owned(&checked.to_string()),
        })
    }
}

impl Row {
    fn new(finding: &Finding) -> Self {
        Self {
            what: text::owned(finding.what.name()),
            state: match finding.state {
                FindingState::Ok => 0,
                FindingState::Warning => 1,
                FindingState::Failed => 2,
                FindingState::Skipped => 3,
                _ => -1,
            },
            detail: text::owned(&finding.detail),
            elapsed: finding.elapsed.map_or(-1, crate::op::millis),
            status: finding
                .error
                .as_ref()
                .map_or(LTX_OK, |error| ltx_status::from(error.kind().number())),
        }
    }
}

fn row<'a>(checked: *const ltx_checked, index: usize) -> Result<Option<&'a Row>, ltx_jobs::Error> {
    Ok(look!(checked)?.rows.get(index))
}

fn setting(checked: *const ltx_checked, index: usize, column: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        let found = look!(checked)?.settings.get(index);
        Ok(text::pointer(found.and_then(|row| row.get(column))))
    })
}

/// How many findings there are, one for each part. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_count(checked: *const ltx_checked) -> usize {
    guard::value(0, || Ok(look!(checked)?.rows.len()))
}

/// Which part: `"proxy"`, `"certificates"`, `"api"`, `"key"`, `"clock"`, `"journal"`, `"storage"`. NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_what(checked: *const ltx_checked, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(row(checked, index)?.map(|row| &row.what)))
    })
}

/// How it was found: `LTX_FOUND_OK` and so on; -1 beyond the last, and for something this version does not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_state(checked: *const ltx_checked, index: usize) -> i32 {
    guard::value(-1, || Ok(row(checked, index)?.map_or(-1, |row| row.state)))
}

/// The finding in words, for people. NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_detail(checked: *const ltx_checked, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(row(checked, index)?.map(|row| &row.detail)))
    })
}

/// How long it took, in milliseconds; -1 where nothing was asked, and beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_elapsed_ms(checked: *const ltx_checked, index: usize) -> i64 {
    guard::value(-1, || Ok(row(checked, index)?.map_or(-1, |row| row.elapsed)))
}

/// What went wrong, when it failed; `LTX_OK` when it did not, and beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_status(checked: *const ltx_checked, index: usize) -> ltx_status {
    guard::value(LTX_OK, || Ok(row(checked, index)?.map_or(LTX_OK, |row| row.status)))
}

/// How many settings there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_setting_count(checked: *const ltx_checked) -> usize {
    guard::value(0, || Ok(look!(checked)?.settings.len()))
}

/// The name of a setting, as ltx_config_set() takes it. NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_setting_key(checked: *const ltx_checked, index: usize) -> *const c_char {
    setting(checked, index, 0)
}

/// Its value; the API key as `***`. NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_setting_value(checked: *const ltx_checked, index: usize) -> *const c_char {
    setting(checked, index, 1)
}

/// Where the value came from: `"default"`, `"argument"`, `"environment LTX_PROXY"`. NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_setting_origin(checked: *const ltx_checked, index: usize) -> *const c_char {
    setting(checked, index, 2)
}

/// The service's id of the request; NULL when it did not answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_request_id(checked: *const ltx_checked) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(look!(checked)?.request_id.as_ref()))
    })
}

/// The whole report for people: a line for each setting with its origin, then one for each finding. Empty for NULL, never NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_text(checked: *const ltx_checked) -> *const c_char {
    guard::value(c"".as_ptr(), || Ok(look!(checked)?.text.as_ptr()))
}

/// Frees what was found. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_checked_free(checked: *mut ltx_checked) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(checked) };
        Ok(())
    });
}
