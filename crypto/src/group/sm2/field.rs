//! The field of the curve: integers modulo `p = 2^256 - 2^224 - 2^96 + 2^64 - 1`.
//!
//! Elements are kept in Montgomery form, `x * 2^256 mod p`. As `p` is -1 modulo 2^64, a step of the
//! reduction needs no multiplication: its factor is the lowest word itself, and the product of that
//! word and `p` consists of shifts.

use core::ops::{Add, Mul, Neg, Sub};

/// Four words, the lowest first.
pub(super) type Words = [u64; 4];

/// An element, below `p` and in Montgomery form. All operations take the same time for all values,
/// where the name does not say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Element(Words);

impl Element {
    pub(super) const ZERO: Self = Self([0; 4]);
    pub(super) const ONE: Self = Self([1, 0xFFFF_FFFF, 0, 1 << 32]);

    /// The element whose Montgomery form, below `p`, is given.
    pub(super) const fn from_montgomery(words: Words) -> Self {
        Self(words)
    }

    /// The element that is `small` as an integer.
    pub(super) fn from_small(small: u64) -> Self {
        Self(multiply(&[small, 0, 0, 0], &SQUARE_OF_RADIX))
    }

    /// Reads 32 bytes, the highest first; `None` if they are not below `p`.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words_of(bytes);
        is_below(&words, &MODULUS).then(|| Self(multiply(&words, &SQUARE_OF_RADIX)))
    }

    /// Reduces 48 bytes, the highest first: uniform bytes give an element that is uniform up to a
    /// distance of 2^-128.
    pub(super) fn from_wide(bytes: &[u8; 48]) -> Self {
        let mut high = [0; 32];
        high[16..].copy_from_slice(&bytes[..16]);
        let mut low = [0; 32];
        low.copy_from_slice(&bytes[16..]);
        // The high part counts 2^256 times: one factor of the radix more.
        Self(multiply(&words_of(&low), &SQUARE_OF_RADIX))
            + Self(multiply(&words_of(&high), &CUBE_OF_RADIX))
    }

    /// The integer below `p`, the highest byte first.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let words = self.to_words();
        core::array::from_fn(|index| (words[3 - index / 8] >> (56 - index % 8 * 8)) as u8)
    }

    /// Whether the integer below `p` is odd: 1 or 0.
    pub(super) fn parity(self) -> u64 {
        self.to_words()[0] & 1
    }

    /// Whether it is zero: 1 or 0.
    pub(super) fn is_zero(self) -> u64 {
        let word = self.0[0] | self.0[1] | self.0[2] | self.0[3];
        // The highest bit of `word | -word` is set unless the word is zero.
        1 ^ ((word | word.wrapping_neg()) >> 63)
    }

    /// Whether it equals `other`: 1 or 0.
    pub(super) fn equals(self, other: Self) -> u64 {
        (self - other).is_zero()
    }

    /// `other` if `choice` is 1, itself if it is 0.
    pub(super) fn or(self, other: Self, choice: u64) -> Self {
        // The barrier keeps the compiler from seeing that all bits of the mask are one secret bit,
        // out of which it could make a branch.
        let mask = core::hint::black_box(choice.wrapping_neg());
        Self(core::array::from_fn(|word| self.0[word] ^ mask & (self.0[word] ^ other.0[word])))
    }

    pub(super) fn double(self) -> Self {
        self + self
    }

    pub(super) fn triple(self) -> Self {
        self + self + self
    }

    pub(super) fn square(self) -> Self {
        self * self
    }

    /// One divided by the element, and zero for zero.
    pub(super) fn invert(self) -> Self {
        self.power(&[MODULUS[0] - 2, MODULUS[1], MODULUS[2], MODULUS[3]])
    }

    /// A square root of `self / divisor` and 1, or some element and 0 if there is none.
    ///
    /// RFC 9380, appendix F.2.1.2, for `p = 3 mod 4`, without the root of the other case.
    pub(super) fn root_of_ratio(self, divisor: Self) -> (Self, u64) {
        let product = self * divisor;
        let root = (divisor.square() * product).power(&QUARTER) * product;
        (root, (root.square() * divisor).equals(self))
    }

    /// The power with a public exponent, on which alone the time depends.
    fn power(self, exponent: &Words) -> Self {
        let mut powers = [Self::ONE; 16];
        for index in 1..16 {
            powers[index] = powers[index - 1] * self;
        }
        (0..64).rev().fold(Self::ONE, |power, place| {
            let digit = exponent[place / 16] >> (place % 16 * 4) & 15;
            power.square().square().square().square() * powers[digit as usize]
        })
    }

    /// Out of Montgomery form.
    fn to_words(self) -> Words {
        multiply(&self.0, &[1, 0, 0, 0])
    }
}

impl Add for Element {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (sum, carry) = plus(&self.0, &other.0);
        Self(subtract_modulus(&sum, u64::from(carry)))
    }
}

impl Sub for Element {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (difference, borrow) = minus(&self.0, &other.0);
        Self(add_modulus_if(&difference, u64::from(borrow)))
    }
}

impl Neg for Element {
    type Output = Self;

    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Element {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(multiply(&self.0, &other.0))
    }
}

/// The words of 32 bytes, the highest first.
pub(super) fn words_of(bytes: &[u8; 32]) -> Words {
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|word| u64::from_be_bytes(words[3 - word]))
}

/// Whether `words` are below `bound`. Takes the same time for all values.
pub(super) fn is_below(words: &Words, bound: &Words) -> bool {
    minus(words, bound).1
}

/// The sum modulo 2^256, and whether it was 2^256 or more.
fn plus(first: &Words, second: &Words) -> (Words, bool) {
    let mut carry = false;
    let sum = core::array::from_fn(|word| {
        let (sum, carried) = first[word].carrying_add(second[word], carry);
        carry = carried;
        sum
    });
    (sum, carry)
}

/// The difference modulo 2^256, and whether it was negative.
fn minus(first: &Words, second: &Words) -> (Words, bool) {
    let mut borrow = false;
    let difference = core::array::from_fn(|word| {
        let (difference, borrowed) = first[word].borrowing_sub(second[word], borrow);
        borrow = borrowed;
        difference
    });
    (difference, borrow)
}

/// `first * second / 2^256 mod p`, for factors whose product is below `2^256 p`.
fn multiply(first: &Words, second: &Words) -> Words {
    let mut product = [0; 8];
    for (row, first) in first.iter().enumerate() {
        let mut carry = 0;
        for (column, second) in second.iter().enumerate() {
            let place = row + column;
            (product[place], carry) = first.carrying_mul_add(*second, product[place], carry);
        }
        product[row + 4] = carry;
    }
    reduce(&mut product)
}

/// `product / 2^256 mod p`, for a product below `2^256 p`.
fn reduce(product: &mut [u64; 8]) -> Words {
    let mut above = false;
    for row in 0..4 {
        let lowest = product[row];
        // With m the lowest word, m p cancels it; of the rest of m p, divided by 2^64, is left
        // m (2^192 - 2^160 - 2^32 + 1), which is not negative.
        let (shifted, overflow) = (lowest << 32, lowest >> 32);
        let (first, borrow) = lowest.overflowing_sub(shifted);
        let (second, borrow) = 0_u64.borrowing_sub(overflow, borrow);
        let (third, borrow) = 0_u64.borrowing_sub(shifted, borrow);
        let (fourth, _) = lowest.borrowing_sub(overflow, borrow);
        let mut carry = false;
        for (word, part) in [first, second, third].into_iter().enumerate() {
            let place = row + 1 + word;
            (product[place], carry) = product[place].carrying_add(part, carry);
        }
        let (top, one) = product[row + 4].carrying_add(fourth, carry);
        let (top, other) = top.overflowing_add(u64::from(above));
        product[row + 4] = top;
        // What was added so far is below 2^(64 row + 320): at most one is carried on.
        above = one | other;
    }
    subtract_modulus(&[product[4], product[5], product[6], product[7]], u64::from(above))
}

/// `words + 2^256 carry`, which is below `2 p`, modulo `p`.
fn subtract_modulus(words: &Words, carry: u64) -> Words {
    let (difference, borrow) = minus(words, &MODULUS);
    // Without a carry a borrow says that the words were below `p` already.
    add_modulus_if(&difference, u64::from(borrow) & !carry)
}

/// `words + p`, without the carry, if `choice` is 1; `words` if it is 0.
fn add_modulus_if(words: &Words, choice: u64) -> Words {
    let mask = choice.wrapping_neg();
    plus(words, &MODULUS.map(|word| word & mask)).0
}

/// `p`: GB/T 32918.5, section 2.
pub(super) const MODULUS: Words =
    [0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFE_FFFF_FFFF];

/// `(p - 3) / 4`.
const QUARTER: Words =
    [0x3FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_C000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0x3FFF_FFFF_BFFF_FFFF];

/// `2^512 mod p`, which takes an integer into Montgomery form.
const SQUARE_OF_RADIX: Words =
    [0x0000_0002_0000_0003, 0x0000_0002_FFFF_FFFF, 0x0000_0001_0000_0001, 0x0000_0004_0000_0002];

/// `2^768 mod p`.
const CUBE_OF_RADIX: Words =
    [0x0000_0012_0000_0016, 0x0000_000E_FFFF_FFF8, 0x0000_000A_0000_000C, 0x0000_001B_0000_0009];
