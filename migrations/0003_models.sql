CREATE TABLE `models` (
	`uid` text PRIMARY KEY NOT NULL,
	`tenant_uid` text NOT NULL,
	`name` text,
	`task` text NOT NULL,
	`profile` text,
	`source` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `models_by_name` ON `models` (`tenant_uid`,`name`);--> statement-breakpoint
ALTER TABLE `generations` ADD `profile` text;--> statement-breakpoint
ALTER TABLE `generations` ADD `model_uid` text;--> statement-breakpoint
CREATE INDEX `generations_by_model` ON `generations` (`model_uid`);--> statement-breakpoint
INSERT INTO `meta` (`key`, `value`) VALUES ('schema_version', 4) ON CONFLICT (`key`) DO UPDATE SET `value` = excluded.`value`;
