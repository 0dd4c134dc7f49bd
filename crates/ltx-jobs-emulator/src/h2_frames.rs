//! The little of HTTP/2's framing that faults need: which stream was opened last, and two frames to send.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;

/// Follows the frame headers of what a client sends. Falls silent on a connection that is not HTTP/2.
#[derive(Debug, Default)]
pub(crate) struct StreamWatch {
    seen: usize,
    other: bool,
    header: Vec<u8>,
    skip: usize,
}

impl StreamWatch {
    /// Takes bytes as they arrive; gives the id of the last stream opened in them.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Option<u32> {
        let mut last = None;
        while !self.other {
            let Some((&first, rest)) = bytes.split_first() else {
                break;
            };
            if let Some(&expected) = PREFACE.get(self.seen) {
                self.other = first != expected;
                self.seen += 1;
                bytes = rest;
            } else if self.skip > 0 {
                let count = self.skip.min(bytes.len());
                self.skip -= count;
                bytes = bytes.get(count..).unwrap_or_default();
            } else {
                self.header.push(first);
                bytes = rest;
                if let &[a, b, c, kind, _, s1, s2, s3, s4] = self.header.as_slice() {
                    self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                    if kind == HEADERS {
                        last = Some(u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]));
                    }
                    self.header.clear();
                }
            }
        }
        last
    }
}

/// GOAWAY with NO_ERROR.
pub(crate) fn goaway(last_stream: u32) -> Vec<u8> {
    let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
    frame.extend(last_stream.to_be_bytes());
    frame.extend(0_u32.to_be_bytes());
    frame
}

/// RST_STREAM with REFUSED_STREAM.
pub(crate) fn refused_stream(stream: u32) -> Vec<u8> {
    let mut frame = vec![0, 0, 4, 3, 0];
    frame.extend(stream.to_be_bytes());
    frame.extend(7_u32.to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stream_is_found_however_the_bytes_are_cut() {
        let mut wire = PREFACE.to_vec();
        wire.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        wire.extend([0, 0, 3, HEADERS, 4, 0, 0, 0, 5, 9, 9, 9]);
        for step in 1..wire.len() {
            let mut watch = StreamWatch::default();
            let last = wire.chunks(step).filter_map(|piece| watch.read(piece)).last();
            assert_eq!(last, Some(5), "in pieces of {step}");
        }
    }

    #[test]
    fn http_1_is_left_alone() {
        assert_eq!(
            StreamWatch::default().read(b"POST /v2/x HTTP/1.1\r\nhost: a\r\n\r\n"),
            None
        );
    }
}
