//! What a job will cost, before it is paid for: estimates from a table of prices, and the limits that keep a submit from being sent.
//!
//! `prices` is the table, data; `estimate` is pure; `spending` counts what a client has committed itself to. The service's own bill is what counts: its
//! rounding is not documented, so an estimate is rounded up, and says what it was made of.

mod estimate;
mod prices;
mod spending;
mod usd;

pub use self::estimate::Estimate;
pub(crate) use self::estimate::{Known, Missing, estimate};
pub(crate) use self::prices::PriceTable;
pub(crate) use self::spending::{Purse, Reservation, Spending};
pub use self::usd::Usd;
