//! What a request would cost, and what a client has committed itself to: amounts are decimals as text, never binary fractions.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::Estimate;

use crate::callbacks::{Callbacks, ltx_callbacks};
use crate::client::ltx_client;
use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::op::{self, Product, ltx_op};
use crate::request::ltx_request;
use crate::status::ltx_status;
use crate::text;

/// What a job will cost, as far as price lists tell; the service's own bill is what counts. Immutable, may be used from any thread; freed once with
/// ltx_estimate_free().
pub struct ltx_estimate {
    _opaque: [u8; 0],
}

pub(crate) struct Told {
    usd: CString,
    basis: CString,
}

impl Handle for ltx_estimate {
    type Value = Told;
    const MAGIC: u64 = handle::magic(b"ltxestim");
    const NAME: &'static str = "ltx_estimate";
}

impl ltx_estimate {
    pub(crate) fn give(estimate: &Estimate) -> *mut Self {
        handle::give(Told {
            usd: text::owned(&estimate.usd.to_string()),
            basis: text::owned(&estimate.basis),
        })
    }
}

/// Starts estimating what a request would cost, from the vendor's public price lists (or the setting `prices`) and from what is in its local inputs. Never
/// blocks, sends nothing and costs nothing. ltx_op_take_estimate() gives the estimate.
///
/// Inputs that are addresses are not looked into, unless this client uploaded them. `once`, `max_cost` and the other wishes for a submit play no part.
///
/// The operation ends with LTX_UNSUPPORTED when no estimate can be made (the message says which figure is missing), and with LTX_INVALID_REQUEST, LTX_IO and
/// so on where a submit would be refused before it is sent.
///
/// @param request    copied: it may be freed or changed afterwards
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; released with ltx_op_release()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_estimate(
    client: *mut ltx_client,
    request: *const ltx_request,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let draft = look!(request)?;
        let callbacks = callbacks?;
        let estimating = shared.client.estimate(draft.request()?);
        let seat = shared.home.begin(callbacks)?;
        out.put(op::give(
            estimating.start(),
            Product::Estimate,
            None,
            &shared.home,
            seat,
        )?);
        Ok(())
    })
}

/// The sum of the estimates of what this client submitted and was not given back: jobs that run or succeeded, and submits of unknown outcome. In US dollars,
/// as a decimal such as `"1.56"`. Counted only while the setting `spend_limit` is set, else `"0.00"`. From memory: never blocks.
///
/// @param usd   receives the text with a NUL at its end; empty on failure
/// @param size  the bytes there; `LTX_USD_SIZE` are always enough
/// @return LTX_OK, or LTX_INVALID_ARGUMENT when the text does not fit
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_committed(
    client: *const ltx_client,
    usd: *mut c_char,
    size: usize,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let field = text::field(usd, size, "usd")?;
        let shared = look!(client)?;
        shared.home.owner.enter()?;
        field.put(&shared.client.committed().to_string())
    })
}

/// The amount in US dollars, as a decimal such as `"1.56"`; rounded up to a hundredth of a cent. Lives as long as the estimate. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_estimate_usd(estimate: *const ltx_estimate) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(look!(estimate)?.usd.as_ptr()))
}

/// What the amount was made of, for people: seconds of what, at which price, by whose list. Lives as long as the estimate. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_estimate_basis(estimate: *const ltx_estimate) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(look!(estimate)?.basis.as_ptr()))
}

/// Frees an estimate. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_estimate_free(estimate: *mut ltx_estimate) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(estimate) };
        Ok(())
    });
}
