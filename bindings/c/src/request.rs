//! A request being put together, field by field.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ltx_jobs::{Client, Error, Media, OnUnknown, Request, Submit, Usd};
use serde_json::{Map, Value};

use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::status::ltx_status;
use crate::{op, text};

/// A request to any endpoint of the service. Fields have the service's own names, also those this library does not know. For one thread at a time; a
/// submit takes a copy, so it can be used again.
pub struct ltx_request {
    _opaque: [u8; 0],
}

pub(crate) struct Draft(Mutex<Inner>);

struct Inner {
    request: Request,
    path: Option<String>,
    once: Option<String>,
    label: Option<String>,
    dest: Option<PathBuf>,
    timeout: Option<Duration>,
    max_cost: Option<Usd>,
    on_unknown: OnUnknown,
}

impl Inner {
    fn request(&self) -> Request {
        let request = self.request.clone();
        match &self.path {
            Some(path) => request.path(path.clone()),
            None => request,
        }
    }
}

impl Draft {
    /// The submit it stands for.
    pub(crate) fn submit(&self, client: &Client) -> Result<Submit, Error> {
        self.change(|draft| {
            let mut submit = client.submit(draft.request()).on_unknown(draft.on_unknown);
            if let Some(once) = &draft.once {
                submit = submit.once(once.clone());
            }
            if let Some(label) = &draft.label {
                submit = submit.label(label.clone());
            }
            if let Some(dest) = &draft.dest {
                submit = submit.dest(dest.clone());
            }
            if let Some(timeout) = draft.timeout {
                submit = submit.timeout(timeout);
            }
            if let Some(limit) = draft.max_cost {
                submit = submit.max_cost(limit);
            }
            Ok(submit)
        })
    }

    /// The request alone.
    pub(crate) fn request(&self) -> Result<Request, Error> {
        self.change(|draft| Ok(draft.request()))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> Result<T, Error>) -> Result<T, Error> {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Handle for ltx_request {
    type Value = Draft;
    const MAGIC: u64 = handle::magic(b"ltxreqst");
    const NAME: &'static str = "ltx_request";
}

/// A new request.
///
/// @param endpoint  the service's word, for example `"video-to-video-hdr"`
/// @param request   receives the request; freed with ltx_request_free()
/// @return LTX_OK, or LTX_INVALID_REQUEST for what can be no endpoint
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_new(
    endpoint: *const c_char,
    request: *mut *mut ltx_request,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let out = Out::new(request, "request")?;
        let request = Request::raw(text::given(endpoint, "endpoint")?, Value::Object(Map::new()))?;
        out.put(handle::give(Draft(Mutex::new(Inner {
            request,
            path: None,
            once: None,
            label: None,
            dest: None,
            timeout: None,
            max_cost: None,
            on_unknown: OnUnknown::Stop,
        }))));
        Ok(())
    })
}

fn set(
    request: *mut ltx_request,
    name: *const c_char,
    err: *mut *mut ltx_error,
    value: impl FnOnce() -> Result<Value, Error>,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let (name, value) = (field(name)?, value()?);
        draft.change(|draft| {
            draft.request.set(name, value);
            Ok(())
        })
    })
}

fn set_media(
    request: *mut ltx_request,
    name: *const c_char,
    err: *mut *mut ltx_error,
    media: impl FnOnce() -> Result<Media, Error>,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let (name, media) = (field(name)?, media()?);
        draft.change(|draft| {
            draft.request.set_media(name, media);
            Ok(())
        })
    })
}

fn field<'a>(name: *const c_char) -> Result<&'a str, Error> {
    match text::given(name, "field")? {
        "" => Err(text::refuse("field is empty")),
        name => Ok(name),
    }
}

/// Sets a field to a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_string(
    request: *mut ltx_request,
    field: *const c_char,
    value: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set(request, field, err, || Ok(Value::from(text::given(value, "value")?)))
}

/// Sets a field to a whole number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_int(
    request: *mut ltx_request,
    field: *const c_char,
    value: i64,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set(request, field, err, || Ok(Value::from(value)))
}

/// Sets a field to a number, which must be finite.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_double(
    request: *mut ltx_request,
    field: *const c_char,
    value: f64,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set(request, field, err, || {
        let number = serde_json::Number::from_f64(value)
            .ok_or_else(|| text::refuse(format!("value is {value}; JSON has no such number")))?;
        Ok(Value::Number(number))
    })
}

/// Sets a field to true or false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_bool(
    request: *mut ltx_request,
    field: *const c_char,
    value: bool,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set(request, field, err, || Ok(Value::Bool(value)))
}

/// Sets a field to JSON's null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_null(
    request: *mut ltx_request,
    field: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set(request, field, err, || Ok(Value::Null))
}

/// Sets a field to any JSON value, given as text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_json(
    request: *mut ltx_request,
    field: *const c_char,
    json: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set(request, field, err, || {
        serde_json::from_str(text::given(json, "json")?)
            .map_err(|error| text::refuse(format!("json is no JSON: {error}")))
    })
}

/// Sets a media field to a local file, which is uploaded before the submit, as a stream. The path is UTF-8; on POSIX any bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_media_file(
    request: *mut ltx_request,
    field: *const c_char,
    path: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set_media(request, field, err, || Ok(Media::file(text::path(path, "path")?)))
}

/// Sets a media field to bytes in memory, which are copied now and uploaded before the submit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_media_bytes(
    request: *mut ltx_request,
    field: *const c_char,
    data: *const u8,
    size: usize,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set_media(request, field, err, || {
        Ok(Media::bytes(text::data(data, size, "data")?.to_vec()))
    })
}

/// Sets a media field to an address: `https://...` that the service fetches, `data:...`, or `ltx://uploads/...` of an earlier upload.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_media_url(
    request: *mut ltx_request,
    field: *const c_char,
    url: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    set_media(request, field, err, || Ok(Media::url(text::given(url, "url")?)))
}

/// Names the submit: the same key with the same request gives the same job, however often it is submitted. NULL takes the name away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_once(
    request: *mut ltx_request,
    key: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let key = text::optional(key, "key")?.map(str::to_owned);
        draft.change(|draft| {
            draft.once = key;
            Ok(())
        })
    })
}

/// A name for people. NULL takes it away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_label(
    request: *mut ltx_request,
    label: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let label = text::optional(label, "label")?.map(str::to_owned);
        draft.change(|draft| {
            draft.label = label;
            Ok(())
        })
    })
}

/// Where the outputs are meant to go: a directory, which is written down with the submit. Nothing is saved by it; whoever brings the outputs home finds it:
/// ltx_submits_dest(), and the command `ltx-jobs recover --finish`. NULL takes it away. The path is UTF-8; on POSIX any bytes are taken, and what is not UTF-8
/// is not written down.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_dest(
    request: *mut ltx_request,
    dest: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let dest = match dest.is_null() {
            true => None,
            false => Some(text::path(dest, "dest")?),
        };
        draft.change(|draft| {
            draft.dest = dest;
            Ok(())
        })
    })
}

/// Limits the submit, uploads and waiting for a place included. An attempt that is on the wire then ends with LTX_SUBMIT_UNKNOWN.
///
/// @param timeout_ms  milliseconds, above 0; negative takes the limit away
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_timeout_ms(
    request: *mut ltx_request,
    timeout_ms: i64,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        if timeout_ms == 0 {
            return Err(text::refuse("timeout_ms is 0; nothing can be submitted in no time"));
        }
        draft.change(|draft| {
            draft.timeout = op::limit(timeout_ms);
            Ok(())
        })
    })
}

/// Refuses the submit, before anything is uploaded or sent, when its estimate is above this amount, or when no estimate can be made: it then ends with
/// LTX_COST_LIMIT and no job. A job that is there already under the `once` key costs nothing and is not refused.
///
/// @param usd  US dollars as a decimal such as `"2.50"`: at most six digits behind the point, no sign, no currency; NULL takes the limit away, and an empty
/// text is an error, so that a limit that got lost on its way cannot go unnoticed
/// @return LTX_OK, or LTX_INVALID_REQUEST for a text that is no such amount; what was set before then stays
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_max_cost(
    request: *mut ltx_request,
    usd: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let limit = text::optional(usd, "usd")?.map(str::parse).transpose()?;
        draft.change(|draft| {
            draft.max_cost = limit;
            Ok(())
        })
    })
}

/// Sends to another path than `/v2/` and the endpoint, for the day the service renames one: `"/v2/new-name"`. Polls go to the same path, and the job is known
/// under its last segment. NULL takes it away. A path that is not usable is told by the submit, with LTX_INVALID_REQUEST.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_path(
    request: *mut ltx_request,
    path: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let path = text::optional(path, "path")?.map(str::to_owned);
        draft.change(|draft| {
            draft.path = path;
            Ok(())
        })
    })
}

/// What to do when nobody can tell whether the service got the request: `LTX_ON_UNKNOWN_STOP` (default) or `LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_set_on_unknown(
    request: *mut ltx_request,
    on_unknown: i32,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let draft = look!(request)?;
        let on_unknown = match on_unknown {
            0 => OnUnknown::Stop,
            1 => OnUnknown::AcceptDoubleCharge,
            other => {
                return Err(text::refuse(format!(
                    "on_unknown is {other}; it is none of LTX_ON_UNKNOWN_..."
                )));
            }
        };
        draft.change(|draft| {
            draft.on_unknown = on_unknown;
            Ok(())
        })
    })
}

/// Frees a request. NULL is fine. Submits made of it go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_request_free(request: *mut ltx_request) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(request) };
        Ok(())
    });
}
