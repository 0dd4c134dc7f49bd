//! The frames of an archive as a list.

use std::path::PathBuf;
use std::str::FromStr as _;

use ltx_jobs::{Bytes, BytesPerSecond, Result};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::convert;
use crate::guard::fenced;
use crate::operation::{Operation, Outcome, begin};
use crate::owned::Owned;
use crate::stream::FrameStream;

/// The frames of one archive on the storage.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Frames(Owned<ltx_jobs::Frames>);

impl Outcome for ltx_jobs::Frames {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Frames(Owned::new("this list of frames", self)))?.into_any())
    }
}

impl Outcome for Bytes {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(PyBytes::new(py, &self).into_any().unbind())
    }
}

#[pymethods]
impl Frames {
    /// The service's label of the output they come from.
    #[getter]
    fn label(&self) -> &str {
        self.0.look().map_or("", ltx_jobs::Frames::label)
    }

    fn __len__(&self) -> usize {
        self.0.look().map_or(0, ltx_jobs::Frames::len)
    }

    /// Number, name and size of the frame at a place; `None` beyond the end.
    fn at(&self, index: usize) -> Option<(Option<u64>, &str, u64)> {
        let frames = self.0.look()?;
        Some((frames.number(index), frames.name(index)?, frames.size(index)?))
    }

    /// The place of the frame with this number.
    fn by_number(&self, number: u64) -> Option<usize> {
        self.0.look()?.by_number(number)
    }

    /// Starts to read one frame; or a failure.
    fn read(&self, py: Python<'_>, index: usize, bandwidth: Option<String>) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let mut read = self.0.get()?.read(index);
            if let Some(limit) = speed(bandwidth)? {
                read = read.bandwidth(limit);
            }
            Ok(Operation::new(read.start(), None))
        })
    }

    /// Starts to bring the frames from `start` to `stop` into memory, one after the other; or a failure.
    #[pyo3(signature = (start, stop, *, budget, connections, bandwidth))]
    fn stream(
        &self,
        py: Python<'_>,
        start: usize,
        stop: usize,
        budget: Option<u64>,
        connections: Option<i64>,
        bandwidth: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let started = py.detach(|| {
            fenced(|| {
                let mut stream = self.0.get()?.stream().range(start..stop);
                if let Some(bytes) = budget {
                    stream = stream.budget(bytes);
                }
                if let Some(number) = connections {
                    stream = stream.connections(count(number));
                }
                if let Some(limit) = speed(bandwidth)? {
                    stream = stream.bandwidth(limit);
                }
                Ok(FrameStream::new(stream.start()))
            })
        });
        convert::outcome(py, started, |stream| stream.into_py_any(py))
    }

    /// Starts to save the frames from `start` to `stop` into a directory; or a failure.
    #[pyo3(signature = (dest, start, stop, *, frame_name, first_frame, overwrite, connections, bandwidth))]
    #[allow(clippy::too_many_arguments)] // Keywords, each the name of an option.
    fn extract(
        &self,
        py: Python<'_>,
        dest: PathBuf,
        start: usize,
        stop: usize,
        frame_name: Option<String>,
        first_frame: Option<u64>,
        overwrite: bool,
        connections: Option<i64>,
        bandwidth: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let frames = self.0.get()?;
            let mut extract = frames.extract(dest).range(start..stop).overwrite(overwrite);
            if let Some(pattern) = frame_name {
                extract = extract.frame_name(pattern);
            }
            if let Some(number) = first_frame {
                extract = extract.first_frame(number);
            }
            if let Some(number) = connections {
                extract = extract.connections(count(number));
            }
            if let Some(limit) = speed(bandwidth)? {
                extract = extract.bandwidth(limit);
            }
            Ok(Operation::new(extract.start(), None))
        })
    }
}

/// A number of connections. What is none becomes zero, which the core refuses by its name.
pub(crate) fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// Bytes per second from a text.
pub(crate) fn speed(text: Option<String>) -> Result<Option<u64>> {
    let limit = text.map(|text| BytesPerSecond::from_str(&text)).transpose()?;
    Ok(limit.map(BytesPerSecond::get))
}
