//! The camera movements of the generating endpoints.

/// How the camera moves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CameraMotion {
    /// Towards the subject.
    DollyIn,
    /// Away from the subject.
    DollyOut,
    /// To the left.
    DollyLeft,
    /// To the right.
    DollyRight,
    /// Upwards.
    JibUp,
    /// Downwards.
    JibDown,
    /// Not at all.
    Static,
    /// The focus moves, the camera does not.
    FocusShift,
    /// A word this library does not know, passed on as it is.
    Other(String),
}

impl CameraMotion {
    /// The documented words.
    pub(super) const WORDS: &'static [&'static str] = &[
        "dolly_in",
        "dolly_out",
        "dolly_left",
        "dolly_right",
        "jib_up",
        "jib_down",
        "static",
        "focus_shift",
    ];

    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::DollyIn => "dolly_in",
            Self::DollyOut => "dolly_out",
            Self::DollyLeft => "dolly_left",
            Self::DollyRight => "dolly_right",
            Self::JibUp => "jib_up",
            Self::JibDown => "jib_down",
            Self::Static => "static",
            Self::FocusShift => "focus_shift",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for CameraMotion {
    fn from(word: &str) -> Self {
        match word {
            "dolly_in" => Self::DollyIn,
            "dolly_out" => Self::DollyOut,
            "dolly_left" => Self::DollyLeft,
            "dolly_right" => Self::DollyRight,
            "jib_up" => Self::JibUp,
            "jib_down" => Self::JibDown,
            "static" => Self::Static,
            "focus_shift" => Self::FocusShift,
            other => Self::Other(other.to_owned()),
        }
    }
}
