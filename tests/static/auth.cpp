// The concepts authenticator and allow_list: an archetype accepted, one near-miss for each
// requirement rejected; and what principals and proofs promise.
#include <concepts>
#include <type_traits>

#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/concepts.hpp>
#include <keywarden/auth/directory.hpp>
#include <keywarden/auth/pre_shared_key.hpp>

namespace keywarden {
namespace static_auth {

using auth::authenticator;
using own_result = result<std::shared_ptr<const pki::identity>>;

// The least that shows certificates.
//[authenticator_certificate
struct shows {
  using form = auth::form::certificate;
  own_result own(time_point) const;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(authenticator<shows>);
//]

// The least that holds shared keys.
//[authenticator_shared_key
struct holds {
  using form = auth::form::shared_key;
  result<auth::shared_key_offer> offer(std::string_view) const;
  std::optional<secret_key> find(std::string_view) const;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(authenticator<holds>);
//]

// Near-misses, one for each requirement.
struct without_form {
  own_result own(time_point) const;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(!authenticator<without_form>);

struct of_another_form : shows {
  struct form {};
};
static_assert(!authenticator<of_another_form>);

struct of_the_wrong_form : shows {
  using form = auth::form::shared_key;
};
static_assert(!authenticator<of_the_wrong_form>);

struct without_judge {
  using form = auth::form::certificate;
  own_result own(time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(!authenticator<without_judge>);

struct judging_yes_or_no : shows {
  result<bool> judge(const auth::peer_evidence&, time_point) const;
};
static_assert(!authenticator<judging_yes_or_no>);

struct judging_without_the_time : shows {
  result<auth::principal> judge(const auth::peer_evidence&) const;
};
static_assert(!authenticator<judging_without_the_time>);

struct judging_changes_it : shows {
  result<auth::principal> judge(const auth::peer_evidence&, time_point);
};
static_assert(!authenticator<judging_changes_it>);

struct without_permits {
  using form = auth::form::certificate;
  own_result own(time_point) const;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
};
static_assert(!authenticator<without_permits>);

struct permitting_silently : shows {
  bool permits(const auth::principal&) const;
};
static_assert(!authenticator<permitting_silently>);

struct without_own {
  using form = auth::form::certificate;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(!authenticator<without_own>);

struct without_offer {
  using form = auth::form::shared_key;
  std::optional<secret_key> find(std::string_view) const;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(!authenticator<without_offer>);

struct without_find {
  using form = auth::form::shared_key;
  result<auth::shared_key_offer> offer(std::string_view) const;
  result<auth::principal> judge(const auth::peer_evidence&, time_point) const;
  result<void> permits(const auth::principal&) const;
};
static_assert(!authenticator<without_find>);

struct not_copied : shows {
  not_copied(const not_copied&) = delete;
};
static_assert(!authenticator<not_copied>);

// The models.
using offline_leaves = trust::chain<pki::revocation::offline, trust::leaf_fingerprints>;
static_assert(authenticator<auth::certificate<trust::pinned>>);
static_assert(authenticator<auth::certificate<offline_leaves>>);
static_assert(
    authenticator<auth::certificate<
        trust::chain<pki::revocation::online, trust::leaf_fingerprints, trust::key_fingerprints,
                     trust::no_cache, trust::names_the_dialled>>>);
static_assert(authenticator<auth::pre_shared_key>);
static_assert(!std::default_initializable<auth::certificate<trust::pinned>> &&
              !std::default_initializable<auth::pre_shared_key>);

// Choices of a chain are facts of its type.
static_assert(offline_leaves::cached_paths == 256 && !offline_leaves::names_dialled);
static_assert(trust::chain<pki::revocation::no_check, trust::anyone_of_the_authority,
                           trust::no_cache, trust::names_the_dialled>::cached_paths == 0);
static_assert(trust::chain<pki::revocation::no_check, trust::cache<7>,
                           trust::key_fingerprints>::cached_paths == 7);

template <class T>
concept reloads_revocation = requires(const T& with, pki::revocation_snapshot lists) {
  with.reload_revocation(lists);
};
static_assert(reloads_revocation<auth::certificate<offline_leaves>>);
static_assert(reloads_revocation<
              auth::certificate<trust::chain<pki::revocation::configured, trust::thumbprints>>>);
static_assert(
    !reloads_revocation<
        auth::certificate<trust::chain<pki::revocation::no_check, trust::leaf_fingerprints>>>);

// Allow-lists.
//[allow_list
struct allows_somebody {
  static constexpr std::string_view name = "allows_somebody";
  bool allows(const pki::certificate&) const;
};
static_assert(trust::allow_list<allows_somebody>);
//]
struct allows_without_name {
  bool allows(const pki::certificate&) const;
};
static_assert(!trust::allow_list<allows_without_name>);
struct allows_by_number {
  static constexpr std::string_view name = "allows_by_number";
  int allows(const pki::certificate&) const;
};
static_assert(!trust::allow_list<allows_by_number>);
static_assert(!trust::allow_list<trust::no_cache> && !trust::allow_list<trust::pinned>);

// A directory is a regular value; its grants have neither a grant option nor an AS.
static_assert(std::regular<auth::directory>);
template <class... More>
concept grants_with = requires(auth::directory& known, const object_name& name, More... more) {
  known.grant(auth::permission::connect, name, name, more...);
};
static_assert(grants_with<>);
static_assert(!grants_with<bool> && !grants_with<object_name>);

// Secrets and proofs stand for one holder.
static_assert(!std::copy_constructible<auth::shared_secrets> && std::movable<auth::shared_secrets>);
static_assert(!std::copy_constructible<auth::proof> && !std::default_initializable<auth::proof>);
static_assert(!std::constructible_from<auth::proof, auth::principal>);
// A path that nobody judged cannot be put into the cache.
static_assert(!std::default_initializable<pki::verified_path>);

}  // namespace static_auth

}  // namespace keywarden
