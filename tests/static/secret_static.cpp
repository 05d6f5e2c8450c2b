// What the types of secrets do not do.

#include <keywarden/core/secret.hpp>
#include <keywarden/key/key_ring.hpp>
#include <keywarden/key/opened_key.hpp>

#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace secret_static {

namespace kw = keywarden;

template <class T>
concept streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <class T>
concept indexable = requires(const T& value) {
  value[0];
};
template <class T>
concept readable = requires(const T& value) {
  value.view();
}
|| requires(const T& value) { value.data(); }
|| requires(const T& value) { value.text(); }
|| requires(const T& value) { value.begin(); };
template <class T>
concept ordered = requires(const T& one, const T& two) {
  one < two;
};
template <class T>
concept hashable = requires(const T& value) {
  std::hash<T>{}(value);
};

static_assert(streamable<int> && indexable<std::string>);  // the checks can succeed
static_assert(readable<std::string> && ordered<int> && hashable<int>);

template <class T>
constexpr bool keeps_to_itself =
    std::movable<T> && !std::copyable<T> && !std::is_copy_constructible_v<T> &&
    !std::is_copy_assignable_v<T> && !streamable<T> && !indexable<T> && !ordered<T> &&
    !hashable<T> && !std::is_convertible_v<T, std::string_view> &&
    !std::is_convertible_v<T, std::string> && !std::is_convertible_v<T, kw::bytes_view> &&
    !std::is_convertible_v<T, kw::bytes> && !std::is_convertible_v<T, bool> &&
    !std::is_constructible_v<std::string_view, T> && !std::is_constructible_v<kw::bytes_view, T> &&
    !std::is_convertible_v<std::string_view, T> && !std::is_convertible_v<const char*, T> &&
    !std::is_convertible_v<std::string, T> && !std::is_convertible_v<kw::bytes, T> &&
    !std::is_convertible_v<int, T> && std::is_nothrow_move_constructible_v<T> &&
    std::is_nothrow_move_assignable_v<T> && std::is_nothrow_destructible_v<T>;

static_assert(keeps_to_itself<kw::secret_key>);
static_assert(keeps_to_itself<kw::password>);
static_assert(keeps_to_itself<kw::plaintext>);

// The bytes of keys and passwords are reached through hazmat only.
static_assert(!readable<kw::secret_key> && !readable<kw::password>);
static_assert(readable<kw::plaintext>);  // the caller's own data

// One is never taken for another, not even explicitly.
template <class From, class To>
constexpr bool apart =
    !std::is_convertible_v<From, To> && !std::is_constructible_v<To, From> &&
    !std::is_constructible_v<To, const From&> && !std::is_assignable_v<To&, From>;
static_assert(apart<kw::secret_key, kw::password> && apart<kw::password, kw::secret_key>);
static_assert(apart<kw::secret_key, kw::plaintext> && apart<kw::plaintext, kw::secret_key>);
static_assert(apart<kw::password, kw::plaintext> && apart<kw::plaintext, kw::password>);
static_assert(!std::equality_comparable_with<kw::secret_key, kw::password>);

// What holds secrets is not copied either.
static_assert(!std::copyable<kw::key_version> && !std::copyable<kw::key_ring>);
static_assert(std::is_nothrow_move_constructible_v<kw::key_ring>);
static_assert(!std::is_default_constructible_v<kw::key_ring>);  // a ring has an active version

// A token cannot be made by accident.
static_assert(!std::is_default_constructible_v<kw::hazmat::insecure_access>);
static_assert(!std::is_constructible_v<kw::hazmat::insecure_access, int>);

}  // namespace secret_static
