//! What is left of a download, what is believed of it, and what is not.

use super::*;
use crate::error::ErrorKind;

const LENGTH: u64 = 1000;

fn bytes() -> Vec<u8> {
    (0..LENGTH).map(|at| (at * 7 % 251) as u8).collect()
}

fn facts() -> Facts {
    Facts {
        length: Some(LENGTH),
        etag: Some("\"abc\"".into()),
        generation: Some("17".into()),
        modified: Some("Wed, 25 Nov 2026 10:00:00 GMT".into()),
        hashes: Hashes {
            crc32c: Some(1),
            md5: Some([2; 16]),
        },
        content_type: Some("video/mp4".into()),
        ranges: true,
    }
}

fn run(start: u64, end: u64) -> Extent {
    Extent {
        start,
        end,
        crc32c: crc32c::crc32c(&bytes()[start as usize..end as usize]),
    }
}

/// A download of `owner` that was killed when `runs` were there.
fn left(place: &Place, owner: &str, runs: &[Extent]) {
    let part = Part::create(place, owner).unwrap();
    fs::write(part.path(), bytes()).unwrap();
    let mut there = Extents::default();
    for run in runs {
        assert!(there.add(*run));
    }
    let sink = Sink::new(part.file().unwrap(), there);
    Keeper::new(place, &part, &sink, &facts(), "mp4").save().unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn take_all(place: &Place, before: Before) -> Option<Adopted> {
    adopt(place, "bbbbbbbbbbbb", before, || Ok(())).unwrap()
}

const A: &str = "aaaaaaaaaaaa";

#[test]
fn what_was_left_is_taken_over_whoever_left_it_and_however() {
    for before in [Before::Free, Before::Dead, Before::Silent] {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(directory.path(), "video");
        left(&place, A, &[run(0, 300), run(500, 800)]);
        assert_eq!(extension(&place).as_deref(), Some("mp4"));
        let adopted = take_all(&place, before).unwrap();
        assert_eq!(adopted.there.runs(), [run(0, 300), run(500, 800)]);
        let expected = Facts {
            content_type: None,
            ..facts()
        };
        assert_eq!((adopted.facts.clone(), adopted.extension.as_str()), (expected, "mp4"));
        let there = fs::read(adopted.part.path()).unwrap();
        assert!(there[..300] == bytes()[..300] && there[500..800] == bytes()[500..800]);
        let part = adopted.part.path();
        // An interruption right now loses nothing of it.
        drop(adopted);
        let again = take_all(&place, Before::Free).unwrap();
        assert_eq!((again.part.path(), again.there.bytes()), (part.clone(), 600));
        let name = part.file_name().unwrap().to_str().unwrap();
        assert_eq!(names(directory.path()), [name, ".video.part.json"], "{before:?}");
        assert_eq!(name.contains(A), before != Before::Silent, "{before:?}");
    }
}

#[test]
fn a_run_whose_bytes_are_not_what_was_written_down_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    left(&place, A, &[run(0, 300), run(500, 800)]);
    let mut damaged = bytes();
    damaged[123] ^= 1;
    fs::write(place.part(A), damaged).unwrap();
    let adopted = take_all(&place, Before::Free).unwrap();
    assert_eq!(adopted.there.runs(), [run(500, 800)]);
    drop(adopted);

    left(&place, A, &[run(0, 300), run(500, 800)]);
    fs::write(place.part(A), &bytes()[..700]).unwrap();
    assert_eq!(take_all(&place, Before::Dead).unwrap().there.runs(), [run(0, 300)]);
}

#[test]
fn what_cannot_be_used_is_removed_and_the_download_begins_anew() {
    type Damage = fn(&Place);
    let broken: &[(&str, Damage)] = &[
        ("no JSON", |place| {
            fs::write(place.sidecar(), b"{\"format\":1,").unwrap()
        }),
        ("another form", |place| {
            let text = fs::read_to_string(place.sidecar()).unwrap();
            fs::write(place.sidecar(), text.replace("\"format\":1", "\"format\":2")).unwrap();
        }),
        ("no part", |place| fs::remove_file(place.part(A)).unwrap()),
        ("an empty part", |place| fs::write(place.part(A), b"").unwrap()),
        ("runs beyond the end", |place| {
            let text = fs::read_to_string(place.sidecar()).unwrap();
            fs::write(place.sidecar(), text.replace("\"length\":1000", "\"length\":10")).unwrap();
        }),
    ];
    for (what, damage) in broken {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(directory.path(), "video");
        left(&place, A, &[run(0, 300)]);
        damage(&place);
        assert!(take_all(&place, Before::Dead).is_none(), "{what}");
        assert_eq!(names(directory.path()), Vec::<String>::new(), "{what}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_part_and_a_part_elsewhere_are_not_followed() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = Place::new(directory.path(), "video");
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, bytes()).unwrap();
    left(&place, A, &[run(0, 300)]);
    fs::remove_file(place.part(A)).unwrap();
    std::os::unix::fs::symlink(&victim, place.part(A)).unwrap();
    assert!(take_all(&place, Before::Free).is_none());

    left(&place, A, &[run(0, 300)]);
    let text = fs::read_to_string(place.sidecar()).unwrap();
    let outside = format!("../{}/victim", elsewhere.path().file_name().unwrap().to_str().unwrap());
    fs::write(place.sidecar(), text.replace(&format!(".video.{A}.part"), &outside)).unwrap();
    assert!(take_all(&place, Before::Free).is_none());
    assert!(fs::read(&victim).unwrap() == bytes());
}

#[test]
fn a_part_goes_with_its_owner_unless_it_was_written_down_and_is_not_after_it_was_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let part = Part::create(&place, A).unwrap();
    let sink = Sink::new(part.file().unwrap(), Extents::default());
    let keeper = Keeper::new(&place, &part, &sink, &facts(), "mp4");
    keeper.save().unwrap();
    keeper.forget();
    keeper.save().unwrap();
    drop(part);
    assert_eq!(names(directory.path()), Vec::<String>::new());
}

#[test]
fn looking_through_a_large_part_can_be_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    left(&place, A, &[run(0, 300)]);
    let stopped = adopt(&place, "bbbbbbbbbbbb", Before::Free, || {
        Err(crate::operation::cancelled("the download"))
    });
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(take_all(&place, Before::Free).is_some(), "nothing is lost by it");
}
