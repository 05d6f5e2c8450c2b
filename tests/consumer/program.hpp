// What the parts of the consumer know of each other: names and results, no more.
#pragma once

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/endpoint/forward.hpp>
#include <keywarden/vault/forward.hpp>

// Keeps its key to itself.
class safe;
safe* open_safe();
void close_safe(safe* opened) noexcept;
keywarden::result<keywarden::bytes> seal(safe& opened, keywarden::bytes_view data);
keywarden::result<keywarden::bytes> open(safe& opened, keywarden::bytes_view sealed);

// In without_exceptions.cpp: whether all of the above did what it should.
bool works_without_exceptions();

// A vault and an endpoint, whatever they are composed of: declared by their names alone.
template <class Policy>
bool is_empty(const keywarden::vault<Policy>& vault);
template <class Authentication, class Transport, class Admission>
bool is_quiet(const keywarden::endpoint<Authentication, Transport, Admission>& endpoint);

// In everything.cpp.
int in_the_other_unit();
