# find_package(ltx_jobs CONFIG): the targets
#
#   ltx_jobs::shared   the shared library, with ltx_jobs.h and ltx_jobs.hpp
#   ltx_jobs::static   the static library, where the package has one; shows none of its names to the host of a plug-in that links it
#   ltx_jobs::cpp      ltx_jobs::shared and C++17; with ltx_jobs_USE_STATIC_LIBS set before find_package(), ltx_jobs::static and C++17
#
# Found by where this file is: the whole directory may be moved.
get_filename_component(_ltx_jobs_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET ltx_jobs::shared)
  add_library(ltx_jobs::shared SHARED IMPORTED)
  set_target_properties(ltx_jobs::shared PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_ltx_jobs_prefix}/include")
  if(WIN32)
    set_target_properties(ltx_jobs::shared PROPERTIES
      IMPORTED_LOCATION "${_ltx_jobs_prefix}/bin/ltx_jobs.dll"
      IMPORTED_IMPLIB "${_ltx_jobs_prefix}/lib/ltx_jobs.lib")
  elseif(APPLE)
    set_target_properties(ltx_jobs::shared PROPERTIES
      IMPORTED_LOCATION "${_ltx_jobs_prefix}/lib/libltx_jobs.0.dylib"
      IMPORTED_SONAME "@rpath/libltx_jobs.0.dylib")
  else()
    set_target_properties(ltx_jobs::shared PROPERTIES
      IMPORTED_LOCATION "${_ltx_jobs_prefix}/lib/libltx_jobs.so"
      IMPORTED_SONAME "libltx_jobs.so.0")
  endif()
endif()

if(NOT TARGET ltx_jobs::static AND EXISTS "${_ltx_jobs_prefix}/lib/libltx_jobs.a")
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  include(CMakeFindDependencyMacro)
  find_dependency(Threads)
  add_library(ltx_jobs::static STATIC IMPORTED)
  set_target_properties(ltx_jobs::static PROPERTIES
    IMPORTED_LOCATION "${_ltx_jobs_prefix}/lib/libltx_jobs.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_ltx_jobs_prefix}/include"
    INTERFACE_COMPILE_DEFINITIONS LTX_JOBS_STATIC)
  if(APPLE)
    set_target_properties(ltx_jobs::static PROPERTIES
      INTERFACE_LINK_LIBRARIES "Threads::Threads;-framework Security;-framework SystemConfiguration;-framework CoreFoundation;iconv;m")
  else()
    # Whoever links it stays in memory once it was loaded, as the shared library does: threads of the host end in its code.
    set_target_properties(ltx_jobs::static PROPERTIES
      INTERFACE_LINK_LIBRARIES "Threads::Threads;gcc_s;util;rt;m;${CMAKE_DL_LIBS}"
      INTERFACE_LINK_OPTIONS "LINKER:-z,nodelete")
  endif()
endif()

if(NOT TARGET ltx_jobs::cpp)
  add_library(ltx_jobs::cpp INTERFACE IMPORTED)
  set_target_properties(ltx_jobs::cpp PROPERTIES INTERFACE_COMPILE_FEATURES cxx_std_17)
  if(ltx_jobs_USE_STATIC_LIBS AND TARGET ltx_jobs::static)
    set_target_properties(ltx_jobs::cpp PROPERTIES INTERFACE_LINK_LIBRARIES ltx_jobs::static)
  elseif(ltx_jobs_USE_STATIC_LIBS)
    set(ltx_jobs_FOUND FALSE)
    set(ltx_jobs_NOT_FOUND_MESSAGE "ltx_jobs_USE_STATIC_LIBS is set, but this package has no static library")
  else()
    set_target_properties(ltx_jobs::cpp PROPERTIES INTERFACE_LINK_LIBRARIES ltx_jobs::shared)
  endif()
endif()
unset(_ltx_jobs_prefix)
