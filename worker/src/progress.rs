//! How far a function says it is.

use piton_shared::limits;

/// How far a function is: a share from 0 to 1, a text for people, or both.
///
/// ```
/// use piton::Progress;
///
/// assert_eq!(Progress::from(1.5).share(), Some(1.0));
/// assert_eq!(Progress::from("page 3 of 7").text(), Some("page 3 of 7"));
/// assert_eq!(Progress::from((0.5, "half")).share(), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    share: Option<f64>,
    text: Option<String>,
}

impl Progress {
    /// The share that is done, from 0 to 1, if one was said.
    pub fn share(&self) -> Option<f64> {
        self.share
    }

    /// The text, if one was said: at most [`limits::PROGRESS_BYTES`] bytes, the rest is cut off.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

impl From<f64> for Progress {
    /// A share outside 0 to 1 is taken as the nearer end; one that is no number is not taken.
    fn from(share: f64) -> Self {
        Self { share: (!share.is_nan()).then(|| share.clamp(0.0, 1.0)), text: None }
    }
}

impl From<String> for Progress {
    fn from(mut text: String) -> Self {
        text.truncate(text.floor_char_boundary(limits::PROGRESS_BYTES));
        Self { share: None, text: Some(text) }
    }
}

impl From<&str> for Progress {
    fn from(text: &str) -> Self {
        // Cut before it is copied: somebody may say a whole document.
        Self::from(text[..text.floor_char_boundary(limits::PROGRESS_BYTES)].to_owned())
    }
}

impl<T: Into<String>> From<(f64, T)> for Progress {
    fn from((share, text): (f64, T)) -> Self {
        Self { text: Self::from(text.into()).text, ..Self::from(share) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_between_nothing_and_all() {
        assert_eq!(Progress::from(-1.0).share(), Some(0.0));
        assert_eq!(Progress::from(f64::INFINITY).share(), Some(1.0));
        assert_eq!(Progress::from(f64::NAN).share(), None);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "ü".repeat(limits::PROGRESS_BYTES);
        let progress = Progress::from(text.as_str());
        assert_eq!(progress.text().map(str::len), Some(limits::PROGRESS_BYTES));
        assert_eq!(Progress::from(format!("x{text}")).text().map(str::len), Some(limits::PROGRESS_BYTES - 1));
    }
}
