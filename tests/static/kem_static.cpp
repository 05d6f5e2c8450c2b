// The concept kem: an archetype that is accepted, and one near-miss for each requirement.
#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/crypto/kem.hpp>
#include <keywarden/crypto/rsa_oaep.hpp>
#include <keywarden/crypto/x_wing.hpp>

namespace keywarden::kem_archetypes {

using crypto::encapsulation;
using crypto::kem;

//[kem
// The least that the concept asks for.
struct public_key {
  bytes encode() const;
  static result<public_key> decode(bytes_view);
  friend bool operator==(const public_key&, const public_key&);
};

template <class Public>
struct private_key_for {
  private_key_for(private_key_for&&) = default;
  private_key_for& operator=(private_key_for&&) = default;
  static result<private_key_for> generate(random_source auto&);
  static result<private_key_for> decode(const secret_key&);
  secret_key encode() const;
  const Public& public_part() const;
};

template <class Public = public_key, class Private = private_key_for<Public>>
struct archetype {
  static constexpr std::string_view name = "archetype";
  static constexpr unsigned strength = 128;
  static constexpr bool quantum_safe = false;
  static constexpr std::size_t max_ciphertext_size = 32;
  static constexpr std::size_t max_public_key_size = 32;
  using public_key = Public;
  using private_key = Private;
  static result<encapsulation> encapsulate(const public_key&, random_source auto&);
  static result<secret_key> decapsulate(const private_key&, bytes_view);
};
static_assert(kem<archetype<>>);
//]

// Facts must be there, of their type, and known when compiling.
struct unnamed : archetype<> {
  static constexpr int name = 1;
};
static_assert(!kem<unnamed>);
struct strength_at_run_time : archetype<> {
  static inline unsigned strength = 128;
};
static_assert(!kem<strength_at_run_time>);
struct quantum_safe_at_run_time : archetype<> {
  static inline bool quantum_safe = false;
};
static_assert(!kem<quantum_safe_at_run_time>);
struct quantum_safe_as_a_number : archetype<> {
  static constexpr int quantum_safe = 3;
};
static_assert(!kem<quantum_safe_as_a_number>);
struct unbounded_ciphertext : archetype<> {
  static constexpr long max_ciphertext_size = -1;
};
static_assert(!kem<unbounded_ciphertext>);
struct unbounded_public_key : archetype<> {
  static inline std::size_t max_public_key_size = 32;
};
static_assert(!kem<unbounded_public_key>);

// Public keys are values.
struct ordinary_public_key : public_key {
  static result<ordinary_public_key> decode(bytes_view);
};
static_assert(kem<archetype<ordinary_public_key>>);
struct move_only_public_key : public_key {
  move_only_public_key(move_only_public_key&&) = default;
  move_only_public_key& operator=(move_only_public_key&&) = default;
  static result<move_only_public_key> decode(bytes_view);
};
static_assert(!kem<archetype<move_only_public_key>>);
struct incomparable_public_key {
  bytes encode() const;
  static result<incomparable_public_key> decode(bytes_view);
};
static_assert(!kem<archetype<incomparable_public_key>>);
struct public_key_without_encoding : public_key {
  static result<public_key_without_encoding> decode(bytes_view);
  bytes encode() const = delete;
};
static_assert(!kem<archetype<public_key_without_encoding>>);
struct public_key_decoded_without_a_refusal : public_key {
  static public_key_decoded_without_a_refusal decode(bytes_view);
};
static_assert(!kem<archetype<public_key_decoded_without_a_refusal>>);

// Private keys are secrets.
struct copyable_private_key {
  static result<copyable_private_key> generate(random_source auto&);
  static result<copyable_private_key> decode(const secret_key&);
  secret_key encode() const;
  const public_key& public_part() const;
};
static_assert(!kem<archetype<public_key, copyable_private_key>>);
struct immovable_private_key : private_key_for<public_key> {
  immovable_private_key(immovable_private_key&&) = delete;
  static result<immovable_private_key> generate(random_source auto&);
  static result<immovable_private_key> decode(const secret_key&);
};
static_assert(!kem<archetype<public_key, immovable_private_key>>);

template <class Self>
struct private_key_with : private_key_for<public_key> {
  static result<Self> generate(random_source auto&);
  static result<Self> decode(const secret_key&);
};
struct ordinary_private_key : private_key_with<ordinary_private_key> {};
static_assert(kem<archetype<public_key, ordinary_private_key>>);
struct private_key_encoded_as_public_bytes : private_key_with<private_key_encoded_as_public_bytes> {
  bytes encode() const;
};
static_assert(!kem<archetype<public_key, private_key_encoded_as_public_bytes>>);
struct private_key_from_public_bytes : private_key_with<private_key_from_public_bytes> {
  static result<private_key_from_public_bytes> decode(bytes_view);
};
static_assert(!kem<archetype<public_key, private_key_from_public_bytes>>);
struct private_key_with_its_own_randomness : private_key_with<private_key_with_its_own_randomness> {
  static result<private_key_with_its_own_randomness> generate();
};
static_assert(!kem<archetype<public_key, private_key_with_its_own_randomness>>);
struct private_key_that_copies_its_public_part
    : private_key_with<private_key_that_copies_its_public_part> {
  public_key public_part() const;
};
static_assert(!kem<archetype<public_key, private_key_that_copies_its_public_part>>);

// The two operations.
struct with_its_own_randomness : archetype<> {
  static result<encapsulation> encapsulate(const public_key&);
};
static_assert(!kem<with_its_own_randomness>);
struct encapsulates_without_a_refusal : archetype<> {
  static encapsulation encapsulate(const public_key&, random_source auto&);
};
static_assert(!kem<encapsulates_without_a_refusal>);
struct decapsulates_into_public_bytes : archetype<> {
  static result<bytes> decapsulate(const private_key&, bytes_view);
};
static_assert(!kem<decapsulates_into_public_bytes>);
struct decapsulates_with_a_public_key : archetype<> {
  static result<secret_key> decapsulate(const public_key&, bytes_view);
};
static_assert(!kem<decapsulates_with_a_public_key>);
static_assert(!kem<int>);

// The models, and the facts that compositions read.
static_assert(kem<crypto::x_wing> && crypto::x_wing::quantum_safe);
static_assert(kem<crypto::dhkem_p256> && !crypto::dhkem_p256::quantum_safe);
static_assert(kem<crypto::dhkem_x25519> && !crypto::dhkem_x25519::quantum_safe);
static_assert(kem<crypto::rsa_oaep<>> && !crypto::rsa_oaep<>::quantum_safe);
static_assert(kem<crypto::rsa_oaep<4096>>);
static_assert(crypto::x_wing::name == "x-wing");
static_assert(crypto::dhkem_p256::name == "dhkem-p256-hkdf-sha256");
static_assert(crypto::dhkem_x25519::name == "dhkem-x25519-hkdf-sha256");
static_assert(crypto::rsa_oaep<>::name == "rsa-oaep-sha256");

}  // namespace keywarden::kem_archetypes
