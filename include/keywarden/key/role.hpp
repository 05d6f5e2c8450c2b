/// @file
/// What each key in the hierarchy is, and which key may wrap which.
#pragma once

#include <string_view>
#include <type_traits>

namespace keywarden {

/// The kinds of keys and of things that open keys. Empty types: they exist for the compiler, and
/// for `name`, which is what a stored record calls its kind.
namespace role {

/// The service account's own secret (DPAPI's account scope).
struct account {
  static constexpr std::string_view name = "account";
};
/// The machine's own secret (DPAPI's machine scope).
struct machine {
  static constexpr std::string_view name = "machine";
};
/// Something a person types.
struct password {
  static constexpr std::string_view name = "password";
};
/// The holder of a private key.
struct recipient {
  static constexpr std::string_view name = "recipient";
};
/// k of n holders together.
struct threshold {
  static constexpr std::string_view name = "threshold";
};
/// The root of one service instance's hierarchy.
struct service_master_key {
  static constexpr std::string_view name = "service_master_key";
};
/// The root of one database's hierarchy.
struct database_master_key {
  static constexpr std::string_view name = "database_master_key";
};
/// The private key of a certificate.
struct certificate {
  static constexpr std::string_view name = "certificate";
};
/// A private key without a certificate.
struct asymmetric_key {
  static constexpr std::string_view name = "asymmetric_key";
};
/// A key ring that seals data.
struct symmetric_key {
  static constexpr std::string_view name = "symmetric_key";
};
/// A stored identity and its secret.
struct credential {
  static constexpr std::string_view name = "credential";
};
/// The password of a linked server.
struct linked_server {
  static constexpr std::string_view name = "linked_server";
};
/// The key that the members of a scale-out deployment share.
struct scale_out_key {
  static constexpr std::string_view name = "scale_out_key";
};
/// What an instance keeps of a scale-out deployment: its private key, and whom it trusts.
struct scale_out_member {
  static constexpr std::string_view name = "scale_out_member";
};
/// A copy of a master key in a file of its own.
struct backup {
  static constexpr std::string_view name = "backup";
};
/// What the program seals in the end.
struct data {
  static constexpr std::string_view name = "data";
};

}  // namespace role

namespace detail {

template <class... Roles>
struct roles {
  template <class Role>
  static constexpr bool contain = (std::is_same_v<Role, Roles> || ...);
};

// The one list of edges. Everything absent does not compile.
template <class Parent>
struct children {
  using type = roles<>;
};
template <>
struct children<role::account> {
  using type = roles<role::service_master_key>;
};
template <>
struct children<role::machine> {
  using type = roles<role::service_master_key>;
};
template <>
struct children<role::service_master_key> {
  using type = roles<role::database_master_key, role::credential, role::linked_server,
                     role::scale_out_member>;
};
template <>
struct children<role::password> {
  using type = roles<role::database_master_key, role::certificate, role::asymmetric_key,
                     role::symmetric_key, role::backup>;
};
template <>
struct children<role::database_master_key> {
  using type = roles<role::certificate, role::asymmetric_key, role::symmetric_key>;
};
template <>
struct children<role::certificate> {
  using type = roles<role::symmetric_key>;
};
template <>
struct children<role::asymmetric_key> {
  using type = roles<role::symmetric_key>;
};
template <>
struct children<role::symmetric_key> {
  using type = roles<role::symmetric_key, role::data>;
};
template <>
struct children<role::scale_out_key> {
  using type = roles<role::data>;
};
template <>
struct children<role::recipient> {
  using type = roles<role::scale_out_key, role::credential, role::backup>;
};
template <>
struct children<role::threshold> {
  using type = roles<role::backup>;
};

}  // namespace detail

/// Whether `Parent` may wrap `Child`: exactly the edges of the documented hierarchy.
///
/// account | machine → service master key → {database master key, credential, linked server,
/// scale-out member};
/// password | service master key → database master key → {certificate, asymmetric key, symmetric
/// key}; {certificate, asymmetric key, password, symmetric key} → symmetric key → data; recipient →
/// {scale-out key, credential}; scale-out key → data; password | recipient | threshold → backup. A
/// database master key does not seal data: it has no edge to `role::data`.
template <class Parent, class Child>
inline constexpr bool may_wrap = detail::children<Parent>::type::template contain<Child>;

/// Fails to compile, with a sentence, where `Parent` may not wrap `Child`.
template <class Parent, class Child>
consteval void require_edge() {
  static_assert(!std::is_same_v<Child, role::data> || may_wrap<Parent, Child>,
                "this key does not seal data: make a symmetric key below it and seal with that");
  static_assert(
      may_wrap<Parent, Child>,
      "this parent may not wrap this child: see may_wrap in keywarden/key/role.hpp for the "
      "edges of the key hierarchy");
}

}  // namespace keywarden
