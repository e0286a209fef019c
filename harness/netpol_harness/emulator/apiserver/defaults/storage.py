"""Defaults of volumes and their classes (``pkg/apis/core/v1``, ``pkg/apis/storage/v1``)."""

from netpol_harness.emulator.apiserver.defaults.absent import fill
from netpol_harness.model.json_object import JsonObject


def default_claim(claim: JsonObject) -> None:
    """Fill in a PersistentVolumeClaim."""
    fill(claim.setdefault("spec", {}), volumeMode="Filesystem")
    fill(claim.setdefault("status", {}), phase="Pending")


def default_volume(volume: JsonObject) -> None:
    """Fill in a PersistentVolume."""
    fill(volume.setdefault("spec", {}), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")
    fill(volume.setdefault("status", {}), phase="Available")


def default_storage_class(storage_class: JsonObject) -> None:
    """Fill in a StorageClass."""
    fill(storage_class, reclaimPolicy="Delete", volumeBindingMode="Immediate")
