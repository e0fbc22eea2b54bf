//! Properties of characters, by the tables of Unicode.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        BidiControl, DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory,
        GeneralCategoryGroup, PrependedConcatenationMark, VariationSelector,
    },
};

/// The blank of Braille: a symbol by its category, and as empty as a space.
const BRAILLE_BLANK: char = '\u{2800}';

fn is_in(c: char, group: GeneralCategoryGroup) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Whether it is a letter of any script.
pub(crate) fn is_letter(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::Letter)
}

/// Whether it is a letter by itself: no modifier such as `ʼ`, which looks like punctuation.
pub(crate) fn is_word_letter(c: char) -> bool {
    is_letter(c) && !is_in(c, GeneralCategoryGroup::ModifierLetter)
}

/// Whether it is a decimal digit of any script.
pub(crate) fn is_digit(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::DecimalNumber)
}

/// Whether it attaches to the character before it (a combining mark: `Mn`, `Mc`, `Me`).
pub fn is_mark(c: char) -> bool {
    is_in(c, GeneralCategoryGroup::Mark)
}

/// Whether a program that does not support it shows nothing (`Default_Ignorable`): joiners, variation selectors, tags,
/// direction controls, fillers such as U+3164; or it is another format character that shows nothing by itself.
pub fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || is_in(c, GeneralCategoryGroup::Format)
            && !CodePointSetData::new::<PrependedConcatenationMark>().contains(c)
}

/// Whether it changes the direction of the text around it.
pub fn is_bidi_control(c: char) -> bool {
    CodePointSetData::new::<BidiControl>().contains(c)
}

/// Whether it selects how the character before it looks, such as U+FE0F for emoji.
pub fn is_variation_selector(c: char) -> bool {
    CodePointSetData::new::<VariationSelector>().contains(c)
}

/// Whether it can be a part of a joined emoji: a pictograph or a skin tone.
pub fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
        || CodePointSetData::new::<EmojiModifier>().contains(c)
}

/// Whether it shows nothing and is no space: controls, line and paragraph separators, whatever is ignorable, the blank
/// of Braille.
pub fn is_hidden(c: char) -> bool {
    let hidden = GeneralCategoryGroup::Control
        .union(GeneralCategoryGroup::LineSeparator)
        .union(GeneralCategoryGroup::ParagraphSeparator);
    is_in(c, hidden) || is_ignorable(c) || c == BRAILLE_BLANK
}

/// Whether it shows something by itself: nothing hidden, no space, no mark that needs a character to stand on.
pub fn is_visible(c: char) -> bool {
    !is_hidden(c) && !is_in(c, GeneralCategoryGroup::Separator.union(GeneralCategoryGroup::Mark))
}
