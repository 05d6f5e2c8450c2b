// What each half of credential sealing can do, and what no conversion gives back.
#include <keywarden/pki/credential_sealing.hpp>

namespace keywarden::pki::credential_sealing_static {

using credential_of_service = sealed<stored_credentials>;

// credential_sealer

struct archetype_sealer {
  using purpose_type = stored_credentials;
  [[nodiscard]] result<credential_of_service> seal(const plaintext&, std::string_view,
                                                   time_point) const;
  [[nodiscard]] result<bool> is_up_to_date(const credential_of_service&) const;
};
static_assert(credential_sealer<archetype_sealer>);

struct sealer_without_purpose {
  [[nodiscard]] result<credential_of_service> seal(const plaintext&, std::string_view,
                                                   time_point) const;
  [[nodiscard]] result<bool> is_up_to_date(const credential_of_service&) const;
};
struct sealer_of_bare_bytes : archetype_sealer {
  [[nodiscard]] result<bytes> seal(const plaintext&, std::string_view, time_point) const;
};
struct sealer_without_a_clock : archetype_sealer {
  [[nodiscard]] result<credential_of_service> seal(const plaintext&, std::string_view) const;
};
struct sealer_that_cannot_tell : archetype_sealer {
  void is_up_to_date() = delete;
};
static_assert(!credential_sealer<sealer_without_purpose>);
static_assert(!credential_sealer<sealer_of_bare_bytes>);
static_assert(!credential_sealer<sealer_without_a_clock>);
static_assert(!credential_sealer<sealer_that_cannot_tell> && !credential_sealer<int>);

// credential_opener

struct archetype_opener {
  using purpose_type = stored_credentials;
  [[nodiscard]] result<plaintext> open(const credential_of_service&, std::string_view) const;
};
static_assert(credential_opener<archetype_opener>);

struct opener_without_purpose {
  [[nodiscard]] result<plaintext> open(const credential_of_service&, std::string_view) const;
};
struct opener_into_a_string : archetype_opener {
  [[nodiscard]] result<std::string> open(const credential_of_service&, std::string_view) const;
};
struct opener_of_anyones : archetype_opener {
  [[nodiscard]] result<plaintext> open(const credential_of_service&) const;
};
static_assert(!credential_opener<opener_without_purpose>);
static_assert(!credential_opener<opener_into_a_string>);
static_assert(!credential_opener<opener_of_anyones> && !credential_opener<int>);

// Each role has its half, and no more.

static_assert(credential_sealer<encrypt_only<>> && !credential_opener<encrypt_only<>>);
static_assert(credential_opener<decrypt_only<>> && !credential_sealer<decrypt_only<>>);
static_assert(credential_sealer<sealer_and_opener<>> && credential_opener<sealer_and_opener<>>);

static_assert(std::convertible_to<sealer_and_opener<>, encrypt_only<>>);
static_assert(std::convertible_to<sealer_and_opener<>, decrypt_only<>>);
static_assert(!std::constructible_from<sealer_and_opener<>, encrypt_only<>>);
static_assert(!std::constructible_from<sealer_and_opener<>, decrypt_only<>>);
static_assert(!std::constructible_from<sealer_and_opener<>, encrypt_only<>, decrypt_only<>>);
static_assert(!std::constructible_from<encrypt_only<>, decrypt_only<>>);
static_assert(!std::constructible_from<decrypt_only<>, encrypt_only<>>);
static_assert(!std::default_initializable<encrypt_only<>>);
static_assert(!std::default_initializable<decrypt_only<>>);
static_assert(!std::default_initializable<sealer_and_opener<>>);

// A certificate is all that sealing takes, and not enough to open.

template <class Half, class From>
concept made_to = requires(const From& from) {
  Half::to(from);
};
template <class Half, class From>
concept made_with = requires(const From& from) {
  Half::with(from);
};
static_assert(made_to<encrypt_only<>, certificate> && !made_to<encrypt_only<>, identity>);
static_assert(made_with<decrypt_only<>, identity> && !made_with<decrypt_only<>, certificate>);
static_assert(!made_with<sealer_and_opener<>, certificate>);

// Purposes do not mix.

struct other_purpose {
  static constexpr std::string_view name = "another";
};
template <class Opener, class Sealed>
concept opens_sealed = requires(const Opener& opener, const Sealed& made) {
  opener.open(made, std::string_view());
};
template <class Opener, class Sealer>
concept rewraps = requires(const Opener& opener, const Sealer& sealer,
                           const credential_of_service& made) {
  rewrap(made, opener, sealer, std::string_view(), time_point());
};
static_assert(opens_sealed<decrypt_only<>, credential_of_service>);
static_assert(!opens_sealed<decrypt_only<other_purpose>, credential_of_service>);
static_assert(!std::convertible_to<sealer_and_opener<other_purpose>, encrypt_only<>>);
static_assert(rewraps<decrypt_only<>, encrypt_only<>>);
static_assert(!rewraps<decrypt_only<>, encrypt_only<other_purpose>>);
static_assert(!rewraps<encrypt_only<>, encrypt_only<>> && !rewraps<decrypt_only<>, decrypt_only<>>);

}  // namespace keywarden::pki::credential_sealing_static
