//! Where outputs are meant to go in an object store, as a tuple: URL, labels, what becomes of an archive, names of frames, number of the first, and options of
//! the store.

use ltx_jobs::{Batch, BatchItem, Result};

/// As Python gives it.
pub(crate) type Given = (
    String,
    Option<Vec<String>>,
    String,
    Option<String>,
    Option<u64>,
    Vec<(String, String)>,
);
/// As Python gets it; without the options, whose values may be credentials.
pub(crate) type Told = (String, Option<Vec<String>>, &'static str, Option<String>, Option<u64>);

#[cfg(feature = "rehost")]
mod there {
    use ltx_jobs::StoreDestination;

    use super::{Batch, BatchItem, Given, Result, Told};
    use crate::dest;
    use crate::job::archive_mode;

    fn read((url, only, archive, frame_name, first_frame, options): Given) -> Result<StoreDestination> {
        let mut place = StoreDestination::new(url)
            .archive(archive_mode(&archive)?)
            .options(options);
        place.only = only;
        place.frame_name = frame_name;
        place.first_frame = first_frame;
        Ok(place)
    }

    /// The outputs of every item that says nothing itself go to a store.
    pub(crate) fn of_batch(batch: Batch, given: Given) -> Result<Batch> {
        Ok(batch.rehost(read(given)?))
    }

    /// The outputs of an item go to a store.
    pub(crate) fn of_item(item: BatchItem, given: Given) -> Result<BatchItem> {
        Ok(item.rehost(read(given)?))
    }

    /// The place for Python.
    pub(crate) fn told(place: &StoreDestination) -> Told {
        (
            place.url.clone(),
            place.only.clone(),
            dest::word(place.archive),
            place.frame_name.clone(),
            place.first_frame,
        )
    }
}

#[cfg(not(feature = "rehost"))]
mod there {
    use ltx_jobs::{Error, ErrorKind};

    use super::{Batch, BatchItem, Given, Result};

    pub(crate) fn of_batch(_: Batch, _: Given) -> Result<Batch> {
        Err(no_stores())
    }

    pub(crate) fn of_item(_: BatchItem, _: Given) -> Result<BatchItem> {
        Err(no_stores())
    }

    fn no_stores() -> Error {
        let text = "this build of ltx_jobs was made without the feature `rehost`";
        Error::from_face(ErrorKind::Unsupported, text)
    }
}

pub(crate) use there::*;
